import { describe, expect, test } from "vitest";
import {
  appendUnknown,
  errorFromClose,
  errorFromResponse,
  StreamerError,
  unreachable,
} from "../../client/errors.ts";

describe("error of a close", () => {
  test.each([1003, 1008, 1009])("code %i is final", (code) => {
    expect(errorFromClose(code, "").retryable).toBe(false);
  });

  test.each([1000, 1001, 1005, 1006, 1011, 1012, 1013])("code %i is retryable", (code) => {
    expect(errorFromClose(code, "").retryable).toBe(true);
  });

  test("carries the gateway's code and message", () => {
    const error = errorFromClose(1008, "BAD_PARAMETER: count wants a whole number: not 3.5");
    expect(error).toMatchObject({
      code: "BAD_PARAMETER",
      message: "count wants a whole number: not 3.5",
      closeCode: 1008,
      status: undefined,
      retryable: false,
    });
  });

  test("uses the client's code if the gateway did not close the connection", () => {
    expect(errorFromClose(1012, "Restarting: back soon")).toMatchObject({
      code: "CONNECTION_LOST",
      message: "Restarting: back soon",
    });
    expect(errorFromClose(1006, "")).toMatchObject({
      code: "CONNECTION_LOST",
      message: "the connection closed (1006)",
    });
  });
});

describe("error of an HTTP response", () => {
  test.each([
    [400, false],
    [403, false],
    [404, false],
    [408, true],
    [413, false],
    [425, true],
    [429, true],
    [500, true],
    [501, false],
    [502, true],
    [503, true],
    [505, false],
  ])("status %i: retryable %s", (status, retryable) => {
    expect(errorFromResponse("http://h", status, "")).toMatchObject({ status, retryable, code: "REFUSED" });
  });

  test("carries the gateway's code and message", () => {
    const body = '{"error":"stream_id names an empty stream","code":"BAD_PARAMETER"}';
    expect(errorFromResponse("http://h", 400, body)).toMatchObject({
      code: "BAD_PARAMETER",
      message: "stream_id names an empty stream",
    });
  });

  test.each(["<html>no</html>", "null", "[]", '{"error":5}', '"x"'])("accepts the body %s", (body) => {
    expect(errorFromResponse("http://h", 502, body).message).toBe("http://h responded with status 502");
  });
});

test("reports the innermost cause of an unreachable gateway", () => {
  const refused = Object.assign(new Error(""), { code: "ECONNREFUSED" });
  const fetchFailed = new TypeError("fetch failed", { cause: new AggregateError([refused]) });
  expect(unreachable(fetchFailed)).toMatchObject({
    code: "UNREACHABLE",
    message: "cannot connect: ECONNREFUSED",
    retryable: true,
  });
});

test("APPEND_UNKNOWN is never retryable and keeps its cause", () => {
  const cause = errorFromClose(1011, "");
  const error = appendUnknown(cause);
  expect(error).toBeInstanceOf(StreamerError);
  expect(error).toMatchObject({ code: "APPEND_UNKNOWN", closeCode: 1011, retryable: false, cause });
});

test("a port that fetch blocks is final, because no retry can succeed", async () => {
  const failure = await fetch("http://127.0.0.1:6000/").catch((error: unknown) => error);
  expect(unreachable(failure)).toMatchObject({
    code: "BAD_URL",
    message: "the gateway's URL has a port that fetch blocks; use another port",
    retryable: false,
  });
});
