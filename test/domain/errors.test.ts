import { describe, expect, test } from "vitest";
import {
  asGatewayError,
  badParameter,
  ERRORS,
  type ErrorCode,
  GatewayError,
} from "../../src/domain/errors.ts";

describe("“with 400 (a parameter, a body), 404, 405, 409 (an id not above the last), 413, 415, … 503 (Redis is away …)”", () => {
  test.each<[ErrorCode, number, number]>([
    ["BAD_REQUEST", 400, 1008],
    ["BAD_PARAMETER", 400, 1008],
    ["BAD_HEADER", 400, 1008],
    ["BAD_PAYLOAD", 400, 1008],
    ["BAD_BODY", 400, 1008],
    ["WRONG_MESSAGE_KIND", 400, 1003],
    ["NOT_FOUND", 404, 1008],
    ["METHOD_NOT_ALLOWED", 405, 1008],
    ["ID_NOT_ABOVE_LAST", 409, 1008],
    ["TOO_LARGE", 413, 1009],
    ["UNSUPPORTED_MEDIA_TYPE", 415, 1003],
    ["UNAUTHENTICATED", 401, 4401],
    ["FORBIDDEN", 403, 4403],
    ["TOO_MANY_REQUESTS", 429, 1013],
    ["REDIS_UNAVAILABLE", 503, 1013],
    ["SHUTTING_DOWN", 503, 1001],
    ["INTERNAL", 500, 1011],
  ])("%s is %i over HTTP and %i on a WebSocket", (code, status, close) => {
    expect(new GatewayError(code, "…").kind).toMatchObject({ status, close });
  });

  test("every kind has a status and a close code that may be sent", () => {
    for (const { status, close } of Object.values(ERRORS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      expect([1001, 1003, 1008, 1009, 1011, 1013, 4401, 4403]).toContain(close);
    }
  });

  test("an append whose answer was lost is not to be repeated without thought; one that waited for Redis may be", () => {
    expect(ERRORS.APPEND_UNKNOWN.retryable).toBe(false);
    expect(ERRORS.REDIS_UNAVAILABLE.retryable).toBe(true);
    expect(ERRORS.BAD_HEADER.retryable).toBe(false);
  });
});

test("a bad parameter is named first", () => {
  expect(badParameter("count", "wants a whole number")).toMatchObject({
    code: "BAD_PARAMETER",
    message: "count wants a whole number",
  });
});

describe("what a client is told of anything thrown", () => {
  test("the gateway's own errors as they are", () => {
    const error = new GatewayError("NOT_FOUND", "no such page");
    expect(asGatewayError(error)).toBe(error);
  });

  test.each([new Error("secret"), "secret", undefined, null, { code: "BAD_HEADER", message: "secret" }])(
    "of %j nothing but that it failed; the log gets the cause",
    (thrown) => {
      const told = asGatewayError(thrown);
      expect(told.code).toBe("INTERNAL");
      expect(told.message).not.toContain("secret");
      expect(told.cause).toBe(thrown);
    },
  );
});
