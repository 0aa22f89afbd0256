/** Position of the key in the commands that the gateway sends, compared with Redis, which knows it of all commands. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyOf } from "../../../src/redis/resp/command-key.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

test.each([
  ["XADD", "s", "MAXLEN", "~", 10, "*", "d", Buffer.from("x")],
  ["XRANGE", "s", "-", "+", "COUNT", 1],
  ["XREVRANGE", "s", "+", "-", "COUNT", 1],
  ["XREAD", "COUNT", 1, "STREAMS", "s", "0"],
  ["XREADGROUP", "GROUP", "g", "c", "COUNT", 1, "STREAMS", "s", ">"],
  ["XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"],
  ["XPENDING", "s", "g", "-", "+", 1],
  ["XLEN", "s"],
  ["XTRIM", "s", "MAXLEN", "=", 0],
  ["XINFO", "STREAM", "s"],
  ["EVAL", "return 1", 2, "s", "other", "argument"],
  ["GET", "s"],
  ["SET", "s", "x", "PX", 1],
  ["GETDEL", "s"],
  ["DEL", "s"],
  ["SADD", "s", "x"],
  ["SREM", "s", "x"],
  ["SMEMBERS", "s"],
  ["SISMEMBER", "s", "x"],
])("%s", async (...command) => {
  const [first] = (await redis.control.call("COMMAND", "GETKEYS", ...command)) as Buffer[];
  expect(keyOf(command)).toBe(String(first));
});

test("routes commands without a key to any node", () => {
  expect([keyOf(["PING"]), keyOf(["INFO", "server"])]).toEqual(["", ""]);
});
