import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GatewayError } from "../../src/domain/errors.ts";
import { gatewayErrorOf } from "../../src/redis/reply-errors.ts";
import { ReplyError } from "../../src/redis/resp/reader.ts";
import type { Argument } from "../../src/redis/resp/writer.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";

const MAX_ID = "18446744073709551615-18446744073709551615";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
  await redis.control.call("XADD", "s", "5-0", "d", "x");
  await redis.control.call("XADD", "full", MAX_ID, "d", "x");
  await redis.control.call("SET", "text", "x");
});
afterAll(() => redis[Symbol.asyncDispose]());

/** The error that a client receives when Redis rejects a command. */
async function rejectionOf(...args: readonly Argument[]): Promise<string> {
  const error = await redis.control.call(...args).then(
    () => expect.fail(`Redis took ${args.join(" ")}`),
    (thrown: Error) => thrown,
  );
  expect(error).toBeInstanceOf(ReplyError);
  const { code, message } = gatewayErrorOf(error);
  return `${code}: ${message}`;
}

describe("rejections by Redis", () => {
  test("“409 (an id not above the last)”", async () => {
    for (const id of ["5-0", "4-9", "0-1"])
      expect(await rejectionOf("XADD", "s", id, "d", "x")).toBe(
        "ID_NOT_ABOVE_LAST: The ID specified in XADD is equal or smaller than the target stream top item",
      );
    expect(await rejectionOf("XADD", "new", "0-0", "d", "x")).toBe(
      "ID_NOT_ABOVE_LAST: The ID specified in XADD must be greater than 0-0",
    );
  });

  test("a stream that has had its last id", async () => {
    expect(await rejectionOf("XADD", "full", "*", "d", "x")).toMatch(/^ID_NOT_ABOVE_LAST: .*exhausted/);
  });

  test("an invalid id", async () => {
    expect(await rejectionOf("XADD", "s", "five", "d", "x")).toBe(
      "BAD_PARAMETER: entry id must be <ms>-<seq>, <ms>-* or *: Invalid stream ID specified as stream command argument",
    );
  });

  test("a key of another type", async () => {
    for (const args of [
      ["XADD", "text", "*", "d", "x"],
      ["XRANGE", "text", "-", "+"],
      ["XINFO", "STREAM", "text"],
    ])
      expect(await rejectionOf(...args)).toBe(
        "WRONG_TYPE: the key of this stream holds a value that is not a stream",
      );
  });

  test("memory that is full", async () => {
    await redis.control.call("CONFIG", "SET", "maxmemory", "1");
    expect(await rejectionOf("XADD", "s", "*", "d", "x")).toMatch(
      /^REDIS_FULL: Redis cannot store more: OOM /,
    );
    await redis.control.call("CONFIG", "SET", "maxmemory", "0");
  });

  test("a replica, which takes no writes", async () => {
    await redis.control.call("REPLICAOF", "127.0.0.1", "1");
    expect(await rejectionOf("XADD", "s", "*", "d", "x")).toMatch(
      /^REDIS_UNAVAILABLE: Redis is not ready: READONLY /,
    );
    await redis.control.call("REPLICAOF", "NO", "ONE");
  });

  test("anything else keeps Redis' words", async () => {
    expect(await rejectionOf("XADD", "s")).toBe(
      "REDIS_REFUSED: Redis rejected the command: wrong number of arguments for 'xadd' command",
    );
    await redis.control.call("ACL", "SETUSER", "default", "-xadd");
    expect(await rejectionOf("XADD", "s", "*", "d", "x")).toMatch(
      /^REDIS_REFUSED: Redis rejected the command: NOPERM /,
    );
    await redis.control.call("ACL", "SETUSER", "default", "+xadd");
  });
});

describe("errors of an unavailable Redis", () => {
  test.each([
    ["LOADING Redis is loading the dataset in memory", "REDIS_UNAVAILABLE"],
    ["MASTERDOWN Link with MASTER is down", "REDIS_UNAVAILABLE"],
    ["NOREPLICAS Not enough good replicas to write.", "REDIS_UNAVAILABLE"],
    ["CLUSTERDOWN The cluster is down", "REDIS_UNAVAILABLE"],
    ["TRYAGAIN Multiple keys request during rehashing of slot", "REDIS_UNAVAILABLE"],
    ["MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk", "REDIS_FULL"],
  ])("%s", (words, code) => {
    const converted = gatewayErrorOf(new ReplyError(words));
    expect(converted.code).toBe(code);
    expect(converted.message).toContain(words);
    expect(converted.kind.retryable).toBe(true);
  });
});

describe("errors from elsewhere", () => {
  test("the gateway's own errors stay as they are", () => {
    const error = new GatewayError("REDIS_UNAVAILABLE", "Redis is unavailable; try again later");
    expect(gatewayErrorOf(error)).toBe(error);
  });

  test("any other error is reported as internal, without its message", () => {
    const converted = gatewayErrorOf(new TypeError("undefined is not a function"));
    expect(converted.code).toBe("INTERNAL");
    expect(converted.message).not.toContain("undefined");
  });
});
