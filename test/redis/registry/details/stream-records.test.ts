/** Facts about many streams: streams of large entries are read a few at a time. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { createTurns } from "../../../../src/domain/scheduling/turns.ts";
import { parseRedisUrl } from "../../../../src/redis/address/redis-url.ts";
import { DetailsReader } from "../../../../src/redis/registry/details/details-reader.ts";
import { EdgeSizes } from "../../../../src/redis/registry/details/edge-sizes.ts";
import { StreamRecords } from "../../../../src/redis/registry/details/stream-records.ts";
import { type Database, databaseOver } from "../../../../src/redis/resp/commands.ts";
import { Connection } from "../../../../src/redis/resp/connection.ts";
import { silent, startRedis, type TestRedis } from "../../../support/redis/redis.ts";

const MIB = 2 ** 20;
const KEYS = Array.from({ length: 20 }, (_, i) => `large-${i}`);
const FACTS = { depth: "facts", meta: false, client: "a" } as const;

let redis: TestRedis;
let connection: Connection;

beforeAll(async () => {
  redis = await startRedis();
  const address = parseRedisUrl(redis.url);
  connection = new Connection({ address, logger: silent, name: "reads", waitMs: 1000 });
  for (const key of KEYS) await connection.call("XADD", key, "*", "d", Buffer.alloc(MIB, "x"));
});
afterAll(async () => {
  connection.close();
  await redis[Symbol.asyncDispose]();
});

/** Records, and the greatest number of lookups in flight. */
function open(edgeSizes: EdgeSizes) {
  const counts = { open: 0, max: 0 };
  const over = databaseOver(connection);
  const database: Database = {
    ...over,
    send(args, done) {
      counts.max = Math.max(counts.max, ++counts.open);
      over.send(args, (error, reply) => {
        counts.open--;
        done(error, reply);
      });
    },
  };
  return {
    counts,
    records: new StreamRecords({
      database,
      largeReads: database,
      details: new DetailsReader(database, edgeSizes),
      workSlices: createTurns().slices,
    }),
  };
}

test("reads a few streams at a time if their entries are known to be large", async () => {
  const edgeSizes = new EdgeSizes();
  const { counts, records } = open(edgeSizes);
  const first = await records.read(KEYS, FACTS);
  expect(counts.max).toBe(KEYS.length);
  // Knows the sizes, but does not remember the details.
  const later = open(edgeSizes);
  expect(await later.records.read(KEYS, FACTS)).toEqual(first);
  expect(later.counts.max).toBe(3);
  expect(new Set(first.map(({ details }) => details?.length))).toEqual(new Set([1]));
});

test("knows the sizes of entries that this gateway appended", async () => {
  const edgeSizes = new EdgeSizes();
  for (const key of KEYS) edgeSizes.appended(key, MIB);
  const { counts, records } = open(edgeSizes);
  const found = await records.read(KEYS, FACTS);
  // The size includes the name of the field, one byte.
  expect(found.map(({ details }) => details?.last)).toEqual(
    KEYS.map(() => ({ id: expect.any(String), bytes: MIB + 1 })),
  );
  expect(counts.max).toBe(3);
});

test("a length costs the same whatever the entries", async () => {
  const { counts, records } = open(new EdgeSizes());
  await records.read(KEYS, FACTS);
  counts.max = 0;
  await records.read(KEYS, { ...FACTS, depth: "length" });
  expect(counts.max).toBe(KEYS.length);
});
