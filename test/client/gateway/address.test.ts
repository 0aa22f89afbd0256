import { expect, test } from "vitest";
import { StreamerError } from "../../../client/errors.ts";
import { parseAddress, pathSegment } from "../../../client/gateway/address.ts";

test.each([
  ["http://127.0.0.1:8000", "http://127.0.0.1:8000/x", "ws://127.0.0.1:8000/x"],
  ["https://host/", "https://host/x", "wss://host/x"],
  ["ws://host:1", "http://host:1/x", "ws://host:1/x"],
  ["wss://host/behind/this//?a=1#b", "https://host/behind/this/x", "wss://host/behind/this/x"],
  ["HTTP://[::1]:80", "http://[::1]/x", "ws://[::1]/x"],
])("builds the URLs of %s: %s and %s", (url, http, socket) => {
  const address = parseAddress(url);
  expect(address.http("x", {})).toBe(http);
  expect(address.socket("x", {})).toBe(socket);
});

test.each([
  "",
  "localhost:8000",
  "127.0.0.1",
  "ftp://host",
  "redis://host",
  "http://host:0",
  "ws://host:99999",
])("%j is not the URL of a gateway", (url) => {
  expect(() => parseAddress(url)).toThrow(StreamerError);
  expect(() => parseAddress(url)).toThrow(`got "${url}"`);
});

test("encodes parameters, writes booleans as 1 and 0, and omits undefined values", () => {
  const address = parseAddress("http://h");
  const query = { last_entry_id: "1-0+$", latest: true, ack: false, count: 3, prefix: undefined };
  expect(address.socket("data/a/pull", query)).toBe(
    "ws://h/data/a/pull?last_entry_id=1-0%2B%24&latest=1&ack=0&count=3",
  );
});

test("joins streams by a plus and encodes a slash as %2F", () => {
  expect(pathSegment(["a", "b/c", "ü ?"])).toBe("a+b%2Fc+%C3%BC%20%3F");
});
