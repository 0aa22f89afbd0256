/** Appender with its live tail, on a real Redis: stored entries, results, and entries that are not read back. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/domain/errors.ts";
import { compareIds, type EntryId, FIRST_ID } from "../../../src/domain/streams/entry-id.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import type { AppendResult } from "../../../src/redis/append/appender.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { openTail } from "../../../src/redis/tail/open-tail.ts";
import type { Tail } from "../../../src/redis/tail/tail.ts";
import { openAppends, type TestAppends } from "../../support/gateway/appends.ts";
import { killConnections, silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

let redis: TestRedis;
const redisDoes = (...command: (string | number | Buffer)[]) => redis.control.call(...command);
const codeOf = (result: AppendResult | undefined) =>
  result instanceof GatewayError ? result.code : "stored";

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());
afterEach(() => redisDoes("FLUSHALL"));

describe("an appender", () => {
  let appends: TestAppends;
  beforeEach(async () => {
    appends = await openAppends(redis.url, undefined, 200);
  });
  afterEach(() => appends[Symbol.dispose]());

  test("returns one result per entry, in order, across streams and rejections", async () => {
    await redisDoes("SET", "text", "x");
    const { results, isKept } = await appends.add(
      ["a", "1", "5-1"],
      ["b", "2", "7-0"],
      ["text", "3"],
      ["a", "4", "5-1"],
      ["a", "5", "6-*"],
    );
    expect(results.map((result) => (result instanceof GatewayError ? result.code : result))).toEqual([
      "5-1",
      "7-0",
      "WRONG_TYPE",
      "ID_NOT_ABOVE_LAST",
      "6-0",
    ]);
    expect(isKept).toBe(false);
    expect(appends.counters).toMatchObject({
      entriesRejected: 2,
      appendsInFlight: 0,
      appendBytesInFlight: 0,
    });
    expect(appends.streamClasses.of("a")).toMatchObject({ entriesIn: 3, bytesIn: 3 });
  });

  test("completes an empty batch immediately", async () => {
    expect(await appends.add()).toEqual({ results: [], isKept: false });
  });

  test("stores any bytes and any fields unchanged, small and large", async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const large = Buffer.alloc(100_000, every);
    const fields = new Map([
      ["name", every],
      ["", large],
    ]);
    for (const key of ["plain", "watched"]) {
      if (key === "watched") appends.loopback.watch(key);
      await appends.add([key, every], [key, Buffer.alloc(0)], [key, large]);
      await new Promise<void>((resolve) =>
        appends.append([{ key, id: "*", data: large, fields }], () => resolve()),
      );
      const entries = (await redisDoes("XRANGE", key, "-", "+")) as [Buffer, Buffer[]][];
      expect(entries.map(([, pairs]) => pairs[1]?.length)).toEqual([256, 0, 100_000, 100_000]);
      expect(entries[0]?.[1][1]).toEqual(every);
      expect(entries[2]?.[1][1]?.equals(large)).toBe(true);
      expect(entries[3]?.[1].slice(2).map((one) => one.length)).toEqual([4, 256, 0, 100_000]);
    }
  });

  test("writes the entries of one turn at once, for one stream or thousands", async () => {
    const keys = Array.from({ length: 3000 }, (_, i) => `s${i % 1500}`);
    const all = await Promise.all(keys.map((key, i) => appends.add([key, String(i)])));
    expect(all.flatMap(({ results }) => results.map(codeOf)).every((code) => code === "stored")).toBe(true);
    const [, second] = (await redisDoes("XRANGE", "s7", "-", "+")) as [Buffer, Buffer[]][];
    expect(String(second?.[1][1])).toBe("1507");
  });
});

test("appends wait for a bounded time while Redis is unavailable, and differ from those whose reply was lost", async () => {
  await using own = await startRedis();
  // Longer than the maximum delay between two connection attempts.
  using appends = await openAppends(own.url, undefined, 4000);
  own.freeze();
  const sent = appends.add(["s", "1"]);
  await eventLoopTurns(3);
  await own.kill();
  expect((await sent).results.map(codeOf)).toEqual(["APPEND_UNKNOWN"]);
  expect((await appends.add(["s", "2"])).results.map(codeOf)).toEqual(["REDIS_UNAVAILABLE"]);
  const waits = appends.add(["s", "3"]);
  await own.start();
  expect((await waits).results.map(codeOf)).toEqual(["stored"]);
  expect(appends.counters).toMatchObject({ entriesUnknown: 1, entriesRejected: 1 });
  expect(appends.streamClasses.of("s").entriesIn).toBe(1);
});

/** Entries that a tail has read of one stream. */
interface Seen {
  readonly ids: EntryId[];
  readonly wrong: string[];
}

interface TestTail extends Disposable {
  readonly tail: Tail;
  readonly seen: ReadonlyMap<string, Seen>;
}

/** Payload that starts with the hash of its remainder. */
function payloadOf(n: number, bytes: number): Buffer {
  const payload = Buffer.alloc(bytes + 32, n % 251);
  payload.set(createHash("sha256").update(payload.subarray(32)).digest());
  return payload;
}

const isWhole = (data: Uint8Array): boolean =>
  createHash("sha256").update(data.subarray(32)).digest().equals(data.subarray(0, 32));

/** Opens a tail whose readers retain nothing, so that payload memory may be reused. */
function openTestTail(appends: TestAppends): TestTail {
  const address = parseRedisUrl(redis.url);
  const control = new Connection({ address, logger: silent, name: "c", waitMs: 9000 });
  const seen = new Map<string, Seen>();
  const tail = openTail("tracking", {
    address,
    loopback: appends.loopback,
    logger: silent,
    sizes: createEntrySizes(),
    counters: appends.counters,
    control,
    onReads(reads) {
      for (const { key, after, entries } of reads) {
        const { ids, wrong } = seen.get(key) ?? { ids: [], wrong: [] };
        seen.set(key, { ids, wrong });
        const last = ids.at(-1);
        if (last !== undefined && after !== last) wrong.push(`a read after ${after}, not ${last}`);
        for (const { id, data } of entries) {
          if (compareIds(id, ids.at(-1) ?? FIRST_ID) <= 0) wrong.push(`${id} after ${ids.at(-1)}`);
          if (!isWhole(data)) wrong.push(`${id} is corrupted`);
          ids.push(id);
        }
      }
      return false;
    },
  });
  return {
    tail,
    seen,
    [Symbol.dispose]() {
      tail.close();
      control.close();
    },
  };
}

/** Appends payloads and overwrites their memory once it is no longer in use. */
function addAndOverwrite(appends: TestAppends, key: string, payloads: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    appends.append(
      payloads.map((data) => ({ key, id: "*", data })),
      (_results, isKept) => {
        if (!isKept) for (const data of payloads) data.fill(0);
        resolve();
      },
    );
  });
}

async function statistic(section: string, name: string): Promise<number> {
  const info = String(await redisDoes("INFO", section));
  return Number(new RegExp(`${name}[:=](\\d+)`).exec(info)?.[1] ?? 0);
}

test("entries appended by this gateway are not read back from Redis", async () => {
  using appends = await openAppends(redis.url);
  using behind = openTestTail(appends);
  behind.tail.watch("s", FIRST_ID);
  const received = () => behind.seen.get("s")?.ids.length ?? 0;
  for (let i = 1; i <= 5; i++) {
    await addAndOverwrite(appends, "s", [payloadOf(i, 100_000)]);
    await until("the entry arrives", () => received() === i);
  }
  const before = [
    await statistic("commandstats", "cmdstat_xread:calls"),
    await statistic("stats", "total_net_output_bytes"),
  ];
  for (let i = 6; i <= 105; i++) {
    await addAndOverwrite(appends, "s", [payloadOf(i, 100_000)]);
    expect(received()).toBe(i);
  }
  expect(await statistic("commandstats", "cmdstat_xread:calls")).toBe(before[0]);
  // 10 MB were written; the output is replies only.
  expect((await statistic("stats", "total_net_output_bytes")) - (before[1] ?? 0)).toBeLessThan(100_000);
  // The first foreign entry is read.
  await redisDoes("XADD", "s", "*", "d", payloadOf(1, 10));
  await until("the foreign entry arrives", () => received() === 106);
});

const KEYS = ["a", "b"];
const SNAPSHOT = `
  local all = redis.call('XRANGE', KEYS[1], '-', '+')
  local ids = {}
  for i, entry in ipairs(all) do ids[i] = entry[1] end
  if ARGV[1] == 'DEL' then redis.call('DEL', KEYS[1])
  elseif ARGV[1] == 'FLUSHALL' then redis.call('FLUSHALL')
  else redis.call('XTRIM', KEYS[1], 'MAXLEN', 2) end
  return ids`;
const FOREIGN = "return redis.call('XADD', KEYS[1], '*', 'd', ARGV[1])";

const key = fc.constantFrom(...KEYS);
const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("own" as const),
        key,
        entries: fc.integer({ min: 1, max: 5 }),
        bytes: fc.constantFrom(0, 100, 5000, 40_000, 200_000),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("foreign" as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("remove" as const),
        key,
        how: fc.constantFrom("DEL", "XTRIM", "FLUSHALL"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("kill" as const), what: fc.constantFrom("appends", "tail") }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("again" as const), key }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("turn" as const), times: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const) }) },
  ),
  { minLength: 5, maxLength: 40 },
);

test("property: no entry is missed, repeated, reordered or corrupted, whatever happens to streams and connections", async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      await redisDoes("FLUSHALL");
      using appends = await openAppends(redis.url);
      using behind = openTestTail(appends);
      /** All ids that were ever observed in Redis, and those that were removed before the tail had read them. */
      const observed = new Map<string, Set<EntryId>>(KEYS.map((one) => [one, new Set<EntryId>()]));
      const mayMiss = new Set<EntryId>();
      let pending: Promise<unknown>[] = [];
      const seenOf = (one: string) => behind.seen.get(one)?.ids ?? [];
      const settle = async () => {
        await Promise.all(pending);
        pending = [];
      };
      /** Waits until the clock of Redis advances, so that ids in a stream that is created again are above the old ones. */
      const clockAdvances = async () => {
        const now = () => redisDoes("TIME").then((time) => String(time));
        const before = await now();
        await until("the clock advances", async () => {
          const [then, next] = [before, await now()].map((time) => time.split(",").map(Number));
          return ((next?.[0] ?? 0) - (then?.[0] ?? 0)) * 1e6 + (next?.[1] ?? 0) - (then?.[1] ?? 0) > 2000;
        });
      };

      async function remove(one: string, how: string): Promise<void> {
        await settle();
        for (const other of how === "FLUSHALL" ? KEYS : [one]) {
          // The first call of a flush removes all keys, so the others are read before it.
          const isLast = how !== "FLUSHALL" || other === KEYS.at(-1);
          const ids = (await redisDoes("EVAL", SNAPSHOT, 1, other, isLast ? how : "XTRIM")) as Buffer[];
          const seen = new Set(seenOf(other));
          for (const id of ids.map((bytes) => String(bytes) as EntryId)) {
            observed.get(other)?.add(id);
            if (!seen.has(id)) mayMiss.add(id);
          }
        }
        await clockAdvances();
      }

      for (const one of KEYS) behind.tail.watch(one, FIRST_ID);
      for (const step of script) {
        switch (step.do) {
          case "own": {
            const payloads = Array.from({ length: step.entries }, () => payloadOf(n++, step.bytes));
            pending.push(addAndOverwrite(appends, step.key, payloads));
            break;
          }
          case "foreign":
            pending.push(redis.control.call("EVAL", FOREIGN, 1, step.key, payloadOf(n++, 10)));
            break;
          case "remove":
            await remove(step.key, step.how);
            break;
          case "kill":
            pending.push(killConnections(redis, step.what));
            break;
          case "again":
            // Like a stream that loses its last reader and gets a new one.
            behind.tail.unwatch(step.key);
            await eventLoopTurns(1);
            behind.tail.watch(step.key, seenOf(step.key).at(-1) ?? FIRST_ID);
            break;
          case "turn":
            await eventLoopTurns(step.times);
            break;
          case "wait":
            await settle();
            break;
          default:
            step satisfies never;
        }
      }
      await settle();
      for (const one of KEYS) {
        const left = (await redisDoes("XRANGE", one, "-", "+")) as [Buffer, unknown][];
        for (const [id] of left) observed.get(one)?.add(String(id) as EntryId);
        const due = [...(observed.get(one) ?? [])].filter((id) => !mayMiss.has(id)).sort(compareIds);
        await until(
          () => `${one} arrives up to ${due.at(-1)}, not only ${seenOf(one).at(-1)}`,
          () => due.length === 0 || compareIds(seenOf(one).at(-1) ?? FIRST_ID, due.at(-1) ?? FIRST_ID) >= 0,
        );
        await eventLoopTurns(3);
        const seen = new Set(seenOf(one));
        expect(due.filter((id) => !seen.has(id))).toEqual([]);
        expect([...seen].filter((id) => observed.get(one)?.has(id) !== true)).toEqual([]);
        expect(behind.seen.get(one)?.wrong ?? []).toEqual([]);
      }
    }),
    { numRuns: 60, endOnFailure: true },
  );
});
