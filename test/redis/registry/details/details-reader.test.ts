/** Details of streams with large first and last entries: read once, then checked. Counts the commands that Redis ran. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTurns } from "../../../../src/domain/scheduling/turns.ts";
import { parseRedisUrl } from "../../../../src/redis/address/redis-url.ts";
import { DetailsReader } from "../../../../src/redis/registry/details/details-reader.ts";
import { EdgeSizes } from "../../../../src/redis/registry/details/edge-sizes.ts";
import { createLastIds } from "../../../../src/redis/registry/details/last-ids.ts";
import { RememberedDetails } from "../../../../src/redis/registry/details/remembered-details.ts";
import {
  LARGE_PAYLOAD_BYTES,
  type StreamDetails,
} from "../../../../src/redis/registry/details/stream-info.ts";
import { StreamRecords, type WantedRecord } from "../../../../src/redis/registry/details/stream-records.ts";
import { databaseOver } from "../../../../src/redis/resp/commands.ts";
import { Connection } from "../../../../src/redis/resp/connection.ts";
import { silent, startRedis, type TestRedis } from "../../../support/redis/redis.ts";

const MIB = 2 ** 20;
const LARGE = Buffer.alloc(8 * MIB, "x");
const FACTS = { depth: "facts", meta: false, client: "a" } as const;

let redis: TestRedis;
let connection: Connection;
let withoutPayloads: Connection;

beforeAll(async () => {
  redis = await startRedis();
  const address = parseRedisUrl(redis.url);
  connection = new Connection({ address, logger: silent, name: "reads", waitMs: 1000 });
  withoutPayloads = new Connection({
    address,
    logger: silent,
    name: "details",
    waitMs: 1000,
    omitFrom: LARGE_PAYLOAD_BYTES,
  });
});
beforeEach(() => connection.call("FLUSHALL"));
afterAll(async () => {
  connection.close();
  withoutPayloads.close();
  await redis[Symbol.asyncDispose]();
});

/** Lookups of a gateway that knows nothing yet. */
function open(now?: () => number, edgeSizes = new EdgeSizes()) {
  const database = databaseOver(connection);
  const details = new DetailsReader(withoutPayloads, edgeSizes, new RememberedDetails(now));
  const records = new StreamRecords({
    database,
    largeReads: database,
    details,
    workSlices: createTurns().slices,
  });
  const read = async (key: string, wanted: WantedRecord = FACTS): Promise<StreamDetails | undefined> =>
    (await records.read([key], wanted))[0]?.details;
  const readOften = (key: string, wanted?: WantedRecord) =>
    Promise.all(Array.from({ length: 20 }, () => read(key, wanted)));
  return { details, records, read, readOften, lastIds: createLastIds(database, details, records) };
}

const add = async (key: string, payload: string | Buffer, id = "*"): Promise<string> =>
  String(await connection.call("XADD", key, id, "d", payload));

/** Number of XINFO STREAM that Redis has run: each of them copies the first and the last entry. */
async function copies(): Promise<number> {
  const stats = String(await connection.call("INFO", "commandstats"));
  return Number(/cmdstat_xinfo(?:\|stream)?:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

/** Runs a function. @returns its result, and the number of copies that it caused */
async function counted<T>(run: () => Promise<T>): Promise<{ found: T; copied: number }> {
  const before = await copies();
  const found = await run();
  return { found, copied: (await copies()) - before };
}

const copiesOf = async (run: () => Promise<unknown>): Promise<number> => (await counted(run)).copied;

test("lookups at once of an unknown stream with large entries copy them once", async () => {
  const ids = [await add("s", LARGE, "1-0"), await add("s", LARGE, "2-0")];
  const { readOften } = open();
  const { found, copied } = await counted(() => readOften("s"));
  expect(copied).toBe(1);
  for (const details of found) {
    expect(details).toMatchObject({ length: 2, lastGeneratedId: "2-0", entriesAdded: 2, error: "" });
    expect([details?.first, details?.last]).toEqual(ids.map((id) => ({ id, bytes: 8 * MIB + 1 })));
  }
  expect(await copiesOf(() => readOften("s"))).toBe(0);
});

test("lookups that wait in the gate copy known large entries once", async () => {
  const edgeSizes = new EdgeSizes();
  const { details, readOften } = open(undefined, edgeSizes);
  for (const bytes of [MIB, 8 * MIB]) {
    const key = `s${bytes}`;
    await add(key, Buffer.alloc(bytes));
    details.appended(key, bytes);
    expect(await copiesOf(() => readOften(key))).toBe(1);
  }
});

test("lookups of small entries are neither shared nor delayed", async () => {
  await add("s", "small");
  const { read, readOften } = open();
  expect((await read("s"))?.length).toBe(1);
  expect(await copiesOf(() => readOften("s"))).toBe(20);
});

test.each([
  ["an append", () => add("s", "new"), { length: 3, last: { bytes: 4 } }],
  ["a large append", () => add("s", LARGE), { length: 3 }],
  ["a deletion", () => connection.call("XDEL", "s", "2-0"), { length: 1, last: { id: "1-0" } }],
  ["a trim", () => connection.call("XTRIM", "s", "MAXLEN", 1), { length: 1, first: { id: "2-0" } }],
  [
    "an append that trims",
    () => connection.call("XADD", "s", "MAXLEN", 2, "3-0", "d", "new"),
    { length: 2, first: { id: "2-0" }, last: { id: "3-0" } },
  ],
  [
    "a new stream of the same length",
    async () => {
      await connection.call("DEL", "s");
      await add("s", LARGE, "1-1");
      await add("s", LARGE, "2-1");
    },
    { length: 2, first: { id: "1-1" } },
  ],
  [
    "an earlier first entry",
    async () => {
      await connection.call("DEL", "s");
      await add("s", "early", "0-1");
      await add("s", LARGE, "2-0");
    },
    { length: 2, first: { id: "0-1", bytes: 6 } },
  ],
  ["a key of another type", async () => void (await connection.call("SET", "s", "x")), { length: 0 }],
  ["the deletion of the stream", () => connection.call("DEL", "s"), { error: "no such key" }],
])("sees %s", async (_, change, expected) => {
  await add("s", LARGE, "1-0");
  await add("s", LARGE, "2-0");
  const { read, readOften } = open();
  await read("s");
  await change();
  for (const details of await readOften("s")) expect(details).toMatchObject(expected);
});

test("a change costs one copy, however many look", async () => {
  await add("s", LARGE);
  const { read, readOften } = open();
  await read("s");
  await add("s", "new");
  expect(await copiesOf(() => readOften("s"))).toBe(1);
});

test("returns the current number of groups of a stream that it remembers", async () => {
  await add("s", LARGE);
  const { read } = open();
  expect((await read("s"))?.groups).toBe(0);
  await connection.call("XGROUP", "CREATE", "s", "g", "0");
  const copied = await copiesOf(async () => expect((await read("s"))?.groups).toBe(1));
  // XINFO GROUPS is counted separately since Redis 7.0.
  expect(copied).toBe(0);
});

test("returns small payloads beside a large one without copying it", async () => {
  await add("s", "first", "1-0");
  await add("s", LARGE, "2-0");
  const wanted = { ...FACTS, depth: "payloads", payloadBytes: 1024 } as const;
  const { read } = open();
  const first = await read("s", wanted);
  const { found: again, copied } = await counted(() => read("s", wanted));
  expect(copied).toBe(0);
  expect(again).toEqual(first);
  expect(String(again?.first?.entry?.data)).toBe("first");
  expect(again?.last).toEqual({ id: "2-0", bytes: 8 * MIB + 1 });
  expect((await read("s", { ...wanted, payloadBytes: 9 * MIB }))?.last?.entry?.data.length).toBe(8 * MIB);
});

test.each([1, 2])("returns the payloads of a stream of %i large entries that it remembers", async (count) => {
  for (let i = 1; i <= count; i++) await add("s", Buffer.concat([LARGE, Buffer.from(`${i}`)]), `${i}-0`);
  const { read } = open();
  await read("s");
  const { found, copied } = await counted(() => read("s", { ...FACTS, depth: "payloads" }));
  expect(copied).toBe(0);
  expect([found?.first, found?.last].map((edge) => String(edge?.entry?.data.subarray(-1)))).toEqual([
    "1",
    `${count}`,
  ]);
});

test("reads remembered details again after a minute", async () => {
  let now = 0;
  await add("s", LARGE, "1-0");
  const { read } = open(() => now);
  await read("s");
  await connection.call("XADD", "s", "2-0", "d", "deleted");
  await connection.call("XDEL", "s", "2-0");
  now = 60_000;
  expect(await copiesOf(() => read("s"))).toBe(0);
  now++;
  expect(await read("s")).toMatchObject({
    entriesAdded: 2,
    lastGeneratedId: "2-0",
    maxDeletedEntryId: "2-0",
  });
});

test("forgets a stream that this gateway appends a large entry to", async () => {
  await add("s", LARGE);
  const { details, read } = open();
  await read("s");
  details.appended("s", 8 * MIB);
  expect(details.checkOf("s", FACTS)).toBeUndefined();
});

test("does not read what a client that left was waiting for", async () => {
  const { details, records, read } = open();
  for (const key of ["a", "b"]) {
    await add(key, LARGE);
    details.appended(key, 8 * MIB);
  }
  let isWanted = true;
  const copied = await copiesOf(async () => {
    const staying = read("a");
    const leaving = records.read(["b", "a"], { ...FACTS, client: "b", isWanted: () => isWanted });
    isWanted = false;
    expect((await staying)?.length).toBe(1);
    expect(await leaving).toEqual([{}, {}]);
  });
  expect(copied).toBe(1);
});

test("the last id of a stream with large entries is found without copying them", async () => {
  await add("s", LARGE, "1-0");
  await add("s", LARGE, "2-0");
  const { lastIds } = open();
  const lastIdsOfS = () => Promise.all(Array.from({ length: 20 }, () => lastIds.lastGeneratedId("s")));
  expect(await copiesOf(lastIdsOfS)).toBe(1);
  expect(await copiesOf(lastIdsOfS)).toBe(0);
  await add("s", "new", "3-0");
  expect(new Set(await lastIdsOfS())).toEqual(new Set(["3-0"]));
  // A reader that starts at the newest entry receives the same as one that starts at the deleted one.
  await connection.call("XDEL", "s", "3-0");
  expect(await lastIds.lastGeneratedId("s")).toBe("2-0");
});

test("the last id of other streams is the one that Redis reports", async () => {
  const { lastIds } = open();
  const { found, copied } = await counted(() => lastIds.lastGeneratedId("s"));
  expect(found).toBe("0-0");
  // One round trip: an entry that is appended meanwhile would be missed by a reader that starts at the end.
  expect(copied).toBe(1);
  await add("s", "small", "5-0");
  await connection.call("XDEL", "s", "5-0");
  expect(await lastIds.lastGeneratedId("s")).toBe("5-0");
  expect(await lastIds.lastGeneratedId("s")).toBe("5-0");
  await connection.call("SET", "text", "x");
  await expect(lastIds.lastGeneratedId("text")).rejects.toMatchObject({ code: "WRONG_TYPE" });
});

test("entries over 1 MB do not pass through a script", async () => {
  await add("s", LARGE, "1-0");
  await connection.call("XADD", "s", "2-0", "d", "small", "f", Buffer.alloc(2 * MIB));
  const { read } = open();
  const payloads = { depth: "payloads", payloadBytes: 4 * MIB, meta: false, client: "" } as const;
  for (const wanted of [FACTS, payloads]) {
    expect(await read("s", wanted)).toMatchObject({
      length: 2,
      first: { id: "1-0", bytes: 8 * MIB + 1 },
      last: { id: "2-0", bytes: 2 * MIB + 7 },
    });
  }
  const found = await open().read("s", payloads);
  expect(found?.first?.entry).toBeUndefined();
  expect(found?.last?.entry?.fields?.get("f")).toHaveLength(2 * MIB);
});
