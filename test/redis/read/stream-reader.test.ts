/** Reads of streams with entries of any size: complete, in order, and within the byte limit. */

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bytesOf } from "../../../src/domain/streams/entry.ts";
import { type EntryId, FIRST_ID, LAST_ID } from "../../../src/domain/streams/entry-id.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { createStreamReader } from "../../../src/redis/read/stream-reader.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let reads: Connection;
let largeReads: Connection;
beforeAll(async () => {
  redis = await startRedis();
  const address = parseRedisUrl(redis.url);
  reads = new Connection({ address, logger: silent, name: "reads", waitMs: 10_000 });
  largeReads = new Connection({ address, logger: silent, name: "pages", waitMs: 10_000 });
});
afterAll(async () => {
  reads.close();
  largeReads.close();
  await redis[Symbol.asyncDispose]();
});

const readerWith = (pageBytes: number, answerBytes: number) =>
  createStreamReader({
    reads,
    largeReads,
    sizes: createEntrySizes(),
    pageBytes,
    answerBytes,
  });

let streams = 0;
/** Stores entries of the given sizes. @returns the key and the ids */
async function stored(sizes: readonly number[]): Promise<{ key: string; ids: readonly EntryId[] }> {
  const key = `s${streams++}`;
  const ids: EntryId[] = [];
  for (const size of sizes)
    ids.push(String(await reads.call("XADD", key, "*", "d", "x".repeat(size))) as EntryId);
  return { key, ids };
}

const cases = fc.record({
  sizes: fc.array(fc.nat(3000), { maxLength: 30 }),
  pageBytes: fc.constantFrom(100, 5000, 100_000),
  answerBytes: fc.constantFrom(1000, 20_000, 1_000_000),
  count: fc.integer({ min: 1, max: 40 }),
});

test("successive reads return every entry once, each within the byte limit plus one page", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ sizes, pageBytes, answerBytes, count }) => {
      const streamReader = readerWith(pageBytes, answerBytes);
      const { key, ids } = await stored(sizes);
      const read: EntryId[] = [];
      for (;;) {
        const page = await streamReader.readAfter(key, read.at(-1) ?? FIRST_ID, count);
        for (const { id } of page.entries) read.push(id);
        const withoutLastStep = page.entries.slice(0, -Math.ceil(pageBytes / 48) - 1);
        expect(bytesOf(withoutLastStep)).toBeLessThanOrEqual(answerBytes);
        expect(page.entries.length).toBeLessThanOrEqual(count);
        expect(page.hasGap).toBe(false);
        if (page.isLast) break;
      }
      expect(read).toEqual(ids);
    }),
  );
});

test("each page has the first entry of the stream, also the first page", async () => {
  const streamReader = readerWith(100_000, 1_000_000);
  const { key, ids } = await stored([1, 2, 3, 4]);
  const oldestAfter = async (cursor: EntryId) => (await streamReader.readAfter(key, cursor, 2)).oldest;
  expect(await oldestAfter(FIRST_ID)).toBe(ids[0]);
  await reads.call("XTRIM", key, "MAXLEN", 3);
  expect(await oldestAfter(ids[1] ?? FIRST_ID)).toBe(ids[1]);
  await reads.call("XTRIM", key, "MAXLEN", 0);
  expect([await oldestAfter(FIRST_ID), await oldestAfter(ids[1] ?? FIRST_ID)]).toEqual([
    undefined,
    undefined,
  ]);
});

test("a cut range continues where it ended, in both directions", async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.boolean(), async ({ sizes, pageBytes, answerBytes, count }, reverse) => {
      const streamReader = readerWith(pageBytes, answerBytes);
      const { key, ids } = await stored(sizes);
      const read: EntryId[] = [];
      for (;;) {
        const at = read.at(-1);
        const from = at === undefined ? undefined : (`(${at}` as EntryId);
        const range = reverse
          ? { start: FIRST_ID, end: from ?? LAST_ID, count, reverse }
          : { start: from ?? FIRST_ID, end: LAST_ID, count, reverse };
        const { entries, isCut } = await streamReader.readRange(key, range);
        for (const { id } of entries) read.push(id);
        if (!isCut) break;
        expect(entries.length).toBeGreaterThan(0);
      }
      expect(read).toEqual(reverse ? [...ids].reverse() : ids);
    }),
  );
});

test("the newest entries are the end of the stream, within the byte limit", async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ sizes, pageBytes, answerBytes, count }) => {
      const { key, ids } = await stored(sizes);
      const found = await readerWith(pageBytes, answerBytes).readNewest(key, FIRST_ID, count);
      expect(found.map(({ id }) => id)).toEqual(ids.slice(ids.length - found.length));
      if (bytesOf(found) < answerBytes) expect(found.length).toBe(Math.min(count, ids.length));
      else expect(found.length).toBeGreaterThan(0);
    }),
  );
});

test("divides a shared byte limit", async () => {
  const { key } = await stored(new Array(20).fill(1000));
  const streamReader = readerWith(1000, 10_000);
  expect((await streamReader.readAfter(key, FIRST_ID, 100)).entries).toHaveLength(10);
  expect((await streamReader.readAfter(key, FIRST_ID, 100, 5)).entries).toHaveLength(2);
  expect((await streamReader.readNewest(key, FIRST_ID, 100, 100)).length).toBe(1);
});

test("an entry with the maximum id ends every read", async () => {
  await reads.call("XADD", "end", LAST_ID, "d", "x");
  const streamReader = readerWith(100, 10_000);
  expect((await streamReader.readAfter("end", FIRST_ID, 1)).entries).toHaveLength(1);
  const range = { start: FIRST_ID, end: LAST_ID, count: 10, reverse: false };
  expect(await streamReader.readRange("end", range)).toMatchObject({
    isCut: false,
    entries: [{ id: LAST_ID }],
  });
  expect(await streamReader.readAfter("end", LAST_ID, 1)).toMatchObject({ isLast: true, entries: [] });
  expect(await streamReader.readNewest("end", LAST_ID, 1)).toEqual([]);
});

test("a small read does not wait for large ones", async () => {
  const { key: large } = await stored([100_000, 100_000]);
  const { key: small } = await stored([10]);
  const streamReader = readerWith(2 ** 18, 2 ** 20);
  // Redis replies to later commands on this connection with a delay.
  const blocking = largeReads.call("BLPOP", "nothing", 0);
  let isRead = false;
  const found = streamReader.readAfter(large, FIRST_ID, 10).finally(() => {
    isRead = true;
  });
  expect((await streamReader.readAfter(small, FIRST_ID, 1)).entries).toHaveLength(1);
  expect(isRead).toBe(false);
  await reads.call("LPUSH", "nothing", "x");
  await blocking;
  expect((await found).entries).toHaveLength(2);
});
