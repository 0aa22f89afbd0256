/** Values of many keys, of any size, within bounds. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import {
  firstReads,
  type LargeRead,
  LargeValues,
  SMALL_VALUE_BYTES,
  type StoredValue,
  UnreadValue,
} from "../../../src/redis/registry/stored-values.ts";
import type { Commands } from "../../../src/redis/resp/commands.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";

const MAX_BYTES = 256 * 1024;
/** Bytes of one round trip. */
const BATCH_BYTES = 256 * 1024;

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

const set = (key: string, bytes: number) => redis.control.call("SET", key, "x".repeat(bytes));

/** Reads values. @param commands called with the bytes of the replies in flight */
async function read(
  keys: readonly string[],
  options: Partial<LargeRead> = {},
  commands = connection as Pick<Commands, "send">,
) {
  const found: [string, StoredValue][] = [];
  await new LargeValues(commands, MAX_BYTES, createTurns().slices).read(keys, {
    client: "a",
    admit: () => true,
    onValue: (key, value) => found.push([key, value]),
    ...options,
  });
  return found;
}

const sizeOf = (value: StoredValue) => (value instanceof UnreadValue ? value : value?.length);

test("first reads are in the order of the keys, with nothing for keys without a string", async () => {
  const keys = [...Array.from({ length: 250 }, (_, i) => `key-${i}`), "list", "key-0"];
  const values = (await firstReads(connection, keys)).map((value) => value?.toString());
  const expected = Array.from({ length: 250 }, (_, i) => (i % 2 === 0 ? `value ${i}` : undefined));
  expect(values).toEqual([...expected, undefined, "value 0"]);
  expect(await firstReads(connection, [])).toEqual([]);
});

test("a first read is complete up to its size", async () => {
  await set("small", SMALL_VALUE_BYTES);
  await set("large", SMALL_VALUE_BYTES + 1);
  const [small, large] = await firstReads(connection, ["small", "large"]);
  expect(small?.length).toBe(SMALL_VALUE_BYTES);
  expect(large).toBe("large");
});

test("large values are read the smallest first, up to the maximum size", async () => {
  await set("max", MAX_BYTES);
  await set("over", MAX_BYTES + 1);
  await set("half", MAX_BYTES / 2);
  const found = await read(["over", "max", "none", "list", "half"]);
  const sizes = found.map(([key, value]) => [key, sizeOf(value)]);
  expect(sizes.filter(([key]) => key !== "over")).toEqual([
    ["none", undefined],
    ["list", undefined],
    ["half", MAX_BYTES / 2],
    ["max", MAX_BYTES],
  ]);
  expect(new Map(found).get("over")).toEqual(new UnreadValue(MAX_BYTES + 1, MAX_BYTES));
});

test("values that their reader has no memory for are not read, and do not keep others from it", async () => {
  const keys = Array.from({ length: 10 }, (_, i) => `sized-${i}`);
  for (const [i, key] of keys.entries()) await set(key, 10_000 * (10 - i));
  let room = 100_000;
  const admit = (bytes: number) => {
    room -= bytes;
    return room >= 0;
  };
  const found = await read(keys, { admit });
  const bySize = new Map(found);
  const sizes = keys.toReversed().map((key) => sizeOf(bySize.get(key)));
  expect(sizes).toEqual([
    ...[10_000, 20_000, 30_000, 40_000],
    ...[5, 6, 7, 8, 9, 10].map((i) => new UnreadValue(10_000 * i, undefined)),
  ]);
});

test("few bytes are on their way at a time", async () => {
  const keys = Array.from({ length: 40 }, (_, i) => `many-${i}`);
  for (const key of keys) await set(key, 100_000);
  let [inFlight, max] = [0, 0];
  const counted: Pick<Commands, "send"> = {
    send(args, done) {
      const bytes = args[0] === "GETRANGE" ? 100_000 : 0;
      inFlight += bytes;
      max = Math.max(max, inFlight);
      connection.send(args, (error, reply) => {
        inFlight -= bytes;
        done(error, reply);
      });
    },
  };
  expect((await read(keys, {}, counted)).length).toBe(40);
  expect(max).toBeLessThanOrEqual(BATCH_BYTES);
  expect(max).toBeGreaterThan(100_000);
});

test("a reply is not larger than expected, although the value grows meanwhile", async () => {
  await set("grows", 2000);
  const replies: number[] = [];
  const watched: Pick<Commands, "send"> = {
    send(args, done) {
      connection.send(args, (error, reply) => {
        if (Buffer.isBuffer(reply)) replies.push(reply.length);
        done(error, reply);
      });
    },
  };
  const sizes: number[] = [];
  const admit = async (bytes: number) => {
    sizes.push(bytes);
    if (sizes.length === 1) await set("grows", 100_000);
    return true;
  };
  const found = await read(["grows"], { admit }, watched);
  expect([sizes, replies]).toEqual([
    [2000, 100_000],
    [2001, 100_000],
  ]);
  expect(found.map(([, value]) => sizeOf(value))).toEqual([100_000]);
});

test("a value that grows each time is given up", async () => {
  await set("grows", 2000);
  const admit = async (bytes: number) => {
    await set("grows", bytes * 2);
    return true;
  };
  const found = await read(["grows"], { admit });
  expect(found.map(([, value]) => value instanceof UnreadValue)).toEqual([true]);
});

test("nothing further is read for a client that no longer needs it", async () => {
  const keys = Array.from({ length: 5 }, (_, i) => `unwanted-${i}`);
  for (const key of keys) await set(key, MAX_BYTES);
  const found: string[] = [];
  await read(keys, { isWanted: () => found.length < 2, onValue: (key) => found.push(key) });
  expect(found.length).toBe(2);
});
