/**
 * Reads of history with replicas that lag, hang or have ended return the entries of the master. A lagging replica is simulated by
 * a separate server with the beginning of the stream, so that the test controls its lag.
 */
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { type EntryId, FIRST_ID, LAST_ID } from "../../../src/domain/streams/entry-id.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { createReplicaPool, type ReplicaPool } from "../../../src/redis/read/replicas.ts";
import { createStreamReader, type StreamReader } from "../../../src/redis/read/stream-reader.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { startReader } from "../../support/gateway/load.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let master: TestRedis;
let behind: TestRedis;
let pool: ReplicaPool;
/** Number of range reads that the replica has run. */
const rangesOf = async ({ control }: TestRedis) => {
  const stats = String(await control.call("INFO", "commandstats"));
  return [...stats.matchAll(/cmdstat_x(?:rev)?range:calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
};
beforeAll(async () => {
  // Syncs a new replica without delay.
  master = await startRedis("--repl-diskless-sync-delay", "0");
  behind = await startRedis();
});
afterAll(async () => {
  await master[Symbol.asyncDispose]();
  await behind[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await master.control.call("FLUSHALL");
  await behind.control.call("FLUSHALL");
  pool = createReplicaPool(silent);
  pool.keep([parseRedisUrl(behind.url)]);
  await until("the replica is used", async () => (await ask()) !== undefined);
});
afterEach(() => pool.close());

const ask = (...command: string[]) =>
  pool.read([parseRedisUrl(behind.url)], [command.length > 0 ? command : ["PING"]]);

const LENGTH = 60;
async function fill({ control }: TestRedis, from: number, to: number): Promise<void> {
  await Promise.all(
    Array.from({ length: Math.max(0, to - from + 1) }, (_, i) =>
      control.call("XADD", "s", `${from + i}-0`, "d", "x".repeat(50)),
    ),
  );
}

function readerOf(isWithReplica: boolean, pageEntries: number): StreamReader {
  const sizes = createEntrySizes();
  sizes.learn("s", [{ id: FIRST_ID, data: Buffer.alloc(50) }]);
  return createStreamReader({
    reads: master.control,
    largeReads: master.control,
    replicas: isWithReplica
      ? { read: (_key, ...commands) => pool.read([parseRedisUrl(behind.url)], commands) }
      : undefined,
    sizes,
    pageBytes: pageEntries * sizes.expected("s"),
    answerBytes: 2 ** 26,
  });
}

/** Reads all entries after a cursor, as a reader catches up. */
async function catchUp(streamReader: StreamReader, cursor: EntryId, count: number) {
  const seen: EntryId[] = [];
  const gaps: boolean[] = [];
  for (let at = cursor, pages = 0; ; pages++) {
    expect(pages).toBeLessThan(LENGTH + 2);
    const page = await streamReader.readAfter("s", at, count);
    seen.push(...page.entries.map(({ id }) => id));
    gaps.push(page.hasGap);
    at = seen.at(-1) ?? at;
    if (page.isLast) return { seen, gaps: gaps.some(Boolean) };
  }
}

test("property: readers receive what the master has, whatever the replica has and whatever was trimmed", async () => {
  const number = fc.integer({ min: 0, max: LENGTH + 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        has: fc.integer({ min: 0, max: LENGTH }),
        kept: fc.integer({ min: 1, max: LENGTH }),
        cursor: number,
        end: number,
        count: fc.integer({ min: 1, max: 20 }),
        page: fc.integer({ min: 1, max: 20 }),
        reverse: fc.boolean(),
        isOpen: fc.boolean(),
      }),
      async ({ has, kept, cursor, end, count, page, reverse, isOpen }) => {
        await master.control.call("DEL", "s");
        await behind.control.call("DEL", "s");
        await fill(master, 1, LENGTH);
        await fill(behind, 1, has);
        const from = `${cursor}-0` as EntryId;
        const with_ = await catchUp(readerOf(true, page), from, count);
        expect(with_).toEqual(await catchUp(readerOf(false, page), from, count));
        await master.control.call("XTRIM", "s", "MAXLEN", "=", kept);
        // Entries that only the replica still has may be read, too; after them nothing is missing.
        const trimmed = await catchUp(readerOf(true, page), from, count);
        const alone = await catchUp(readerOf(false, page), from, count);
        expect(trimmed.seen.slice(trimmed.seen.length - alone.seen.length)).toEqual(alone.seen);
        await behind.control.call("XTRIM", "s", "MINID", "=", `${LENGTH - kept + 1}-0`);
        const range = {
          start: isOpen ? FIRST_ID : from,
          end: isOpen ? LAST_ID : (`${end}-0` as EntryId),
          count,
          reverse,
        };
        expect(idsOf(await readerOf(true, page).readRange("s", range))).toEqual(
          idsOf(await readerOf(false, page).readRange("s", range)),
        );
      },
    ),
    { numRuns: 60 },
  );
  expect(await rangesOf(behind)).toBeGreaterThan(100);
});

const idsOf = ({ entries, isCut }: { readonly entries: readonly Entry[]; readonly isCut: boolean }) => ({
  ids: entries.map(({ id }) => id),
  isCut,
});

test("a hanging replica is waited for once, then skipped; a closed one is not used", async () => {
  await fill(master, 1, LENGTH);
  await fill(behind, 1, LENGTH);
  behind.freeze();
  const all = await catchUp(readerOf(true, 5), FIRST_ID, 5);
  expect(all.seen).toHaveLength(LENGTH);
  expect(await ask()).toBeUndefined();
  behind.thaw();
  await behind.kill();
  expect((await catchUp(readerOf(true, 5), FIRST_ID, 5)).seen).toHaveLength(LENGTH);
  await behind.start();
});

test("a gateway discovers the replicas of its Redis, reads pages there, and continues without them", async () => {
  await using replica = await startRedis("--replicaof", `127.0.0.1 ${master.port}`);
  await using gateway = await startTestGateway(master.url, {
    REDIS_READ_FROM: "replica",
    PAGE_BYTES: "4096",
    REDIS_STREAM_MAXLEN: "0",
  });
  const control = master.control;
  for (let i = 1; i <= 2000; i++)
    control.send(["XADD", "default:s", `${i}-0`, "d", "x".repeat(50)], () => undefined);
  const isListed = async () => String(await control.call("INFO", "replication")).includes("state=online");
  await until("the master lists its replica", isListed);
  // A listed replica may still be loading its first copy; meanwhile the master serves what the replica lacks.
  const hasAll = async () => (await replica.control.call("XLEN", "default:s").catch(() => 0)) === 2000;
  await until("the replica has every entry", hasAll);
  await until("the replica is read", async () => {
    await request(`${gateway.http}/data/s/entries?format=json&count=2000`);
    return (await rangesOf(replica)) > 0;
  });
  const before = [await rangesOf(master), await rangesOf(replica)];
  await using reader = await startReader(gateway.ws, "s", "json", "0");
  await until("the reader has all entries", () => reader.entries.length === 2000);
  const after = [await rangesOf(master), await rangesOf(replica)];
  const [ofMaster = 0, ofReplica = 0] = after.map((count, i) => count - (before[i] ?? 0));
  expect(ofReplica).toBeGreaterThan(ofMaster * 4);

  replica.freeze();
  await using late = await startReader(gateway.ws, "s", "json", "0");
  await until("the late reader has all entries", () => late.entries.length === 2000);
  await request(`${gateway.http}/data/s`, { method: "POST", body: "live" });
  await until("both are live", () => [reader, late].every(({ entries }) => entries.at(-1)?.text === "live"));
  for (const { entries } of [reader, late]) expect(new Set(entries.map(({ id }) => id)).size).toBe(2001);
  replica.thaw();
});
