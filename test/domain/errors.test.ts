import { describe, expect, test } from "vitest";
import {
  asGatewayError,
  badParameter,
  ERRORS,
  type ErrorCode,
  GatewayError,
} from "../../src/domain/errors.ts";

describe("the table of errors", () => {
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

  test("gives every code an HTTP status and a valid close code", () => {
    for (const { status, close } of Object.values(ERRORS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      expect([1001, 1003, 1008, 1009, 1011, 1013, 4401, 4403]).toContain(close);
    }
  });

  test("marks an append whose reply was lost as not retryable, and one that waited for Redis as retryable", () => {
    expect(ERRORS.APPEND_UNKNOWN.retryable).toBe(false);
    expect(ERRORS.REDIS_UNAVAILABLE.retryable).toBe(true);
    expect(ERRORS.BAD_HEADER.retryable).toBe(false);
  });
});

test("has a stack trace only if it is internal, because a trace keeps the variables of its functions in memory", () => {
  const limit = Error.stackTraceLimit;
  expect(new GatewayError("BAD_HEADER", "…").stack).not.toMatch(/errors\.test/);
  expect(new GatewayError("INTERNAL", "…").stack).toMatch(/errors\.test/);
  expect(Error.stackTraceLimit).toBe(limit);
});

test("badParameter puts the name of the parameter first", () => {
  expect(badParameter("count", "must be an integer")).toMatchObject({
    code: "BAD_PARAMETER",
    message: "count must be an integer",
  });
});

describe("asGatewayError", () => {
  test("returns the gateway's own errors unchanged", () => {
    const error = new GatewayError("NOT_FOUND", "no such page");
    expect(asGatewayError(error)).toBe(error);
  });

  test.each([new Error("secret"), "secret", undefined, null, { code: "BAD_HEADER", message: "secret" }])(
    "hides %j from the client and keeps it as the cause for the log",
    (thrown) => {
      const error = asGatewayError(thrown);
      expect(error.code).toBe("INTERNAL");
      expect(error.message).not.toContain("secret");
      expect(error.cause).toBe(thrown);
    },
  );
});
