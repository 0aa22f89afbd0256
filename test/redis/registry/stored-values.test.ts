/** Values of many keys, as one server and a cluster return them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { valuesOfCluster, valuesOfServer } from "../../../src/redis/registry/stored-values.ts";
import { metaOf } from "../../../src/redis/registry/stream-metadata.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { ReplyError } from "../../../src/redis/resp/reader.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let connection: Connection;

beforeAll(async () => {
  redis = await startRedis();
  connection = new Connection({
    address: parseRedisUrl(redis.url),
    logger: silent,
    name: "reads",
    waitMs: 1000,
  });
  await redis.control.call("LPUSH", "list", "element");
  for (let i = 0; i < 250; i += 2) await redis.control.call("SET", `key-${i}`, `value ${i}`);
});
afterAll(async () => {
  connection.close();
  await redis[Symbol.asyncDispose]();
});

test.each([
  ["one server", valuesOfServer],
  ["a cluster", valuesOfCluster],
])("of %s are in the order of the keys, with nothing for keys without a string", async (_, read) => {
  const keys = [...Array.from({ length: 250 }, (_, i) => `key-${i}`), "list", "key-0"];
  const values = (await read(connection, keys)).map((reply) => metaOf(reply)?.toString());
  const expected = Array.from({ length: 250 }, (_, i) => (i % 2 === 0 ? `value ${i}` : undefined));
  expect(values).toEqual([...expected, undefined, "value 0"]);
  expect(await read(connection, [])).toEqual([]);
});

test("an error reply is that of each of its keys", async () => {
  await redis.control.call("ACL", "SETUSER", "default", "-mget");
  const replies = await valuesOfServer(
    connection,
    Array.from({ length: 150 }, (_, i) => `key-${i}`),
  );
  await redis.control.call("ACL", "SETUSER", "default", "+mget");
  expect(replies.length).toBe(150);
  expect(replies.every((reply) => reply instanceof ReplyError)).toBe(true);
});
