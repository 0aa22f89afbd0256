import { expect, test } from "vitest";
import { StreamerError } from "../../../client/errors.ts";
import { readAck } from "../../../client/pushing/ack.ts";

test("reads an id or an error for each entry", () => {
  const [first, second, third] = readAck('["1-0",{"error":"not above"},{"error":"no","code":"WRONG_TYPE"}]');
  expect(first).toEqual({ id: "1-0" });
  expect(second).toEqual({ error: expect.objectContaining({ code: "REFUSED", message: "not above" }) });
  expect(third).toEqual({ error: expect.objectContaining({ code: "WRONG_TYPE", retryable: false }) });
});

test.each([["no JSON"], ["{}"], ["[1]"], ["[null]"], ["[{}]"], [Uint8Array.of(1)]])(
  "%j is no acknowledgement",
  (message) => {
    expect(() => readAck(message)).toThrow(StreamerError);
    expect(() => readAck(message)).toThrow(expect.objectContaining({ code: "BAD_MESSAGE" }));
  },
);
