/** Appends to watched streams, in transactions that a real Redis rejects, loses or interleaves with foreign changes. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GatewayError } from "../../../src/domain/errors.ts";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import type { AppendResult } from "../../../src/redis/append/appender.ts";
import type { LoopbackListener } from "../../../src/redis/append/loopback.ts";
import { openAppends, type TestAppends } from "../../support/gateway/appends.ts";
import { killConnections, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

let redis: TestRedis;
let appends: TestAppends;
/** Looped-back entries per call: their ids and the id that they were reported to follow. */
let looped: { key: string; after: EntryId; ids: EntryId[] }[];
let disturbed: string[];

const listener: LoopbackListener = {
  looped(key, after, entries: readonly Entry[]) {
    looped.push({ key, after, ids: entries.map(({ id }) => id) });
    return true;
  },
  disturbed: (key) => void disturbed.push(key),
};

beforeEach(async () => {
  redis = await startRedis();
  looped = [];
  disturbed = [];
  appends = await openAppends(redis.url, listener);
});
afterEach(async () => {
  appends[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

const redisDoes = (...command: (string | number)[]) => redis.control.call(...command);
const codeOf = (result: AppendResult | undefined) =>
  result instanceof GatewayError ? result.code : "stored";
const codesOf = (results: readonly AppendResult[]) => results.map(codeOf);

/** Number of times that Redis ran a command. */
async function calls(command: string): Promise<number> {
  const stats = String(await redisDoes("INFO", "commandstats"));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** Replaces the appender by one of a user with fewer permissions. */
async function asUser(...rules: readonly string[]): Promise<void> {
  appends[Symbol.dispose]();
  await redisDoes("ACL", "SETUSER", "limited", "reset", "on", ">secret", "~*", "&*", "+@all", ...rules);
  appends = await openAppends(redis.url.replace("//", "//limited:secret@"), listener);
}

describe("commands", () => {
  test("sends entries of unwatched streams as plain commands", async () => {
    const { results } = await appends.add(["a", "1"], ["b", "2"]);
    expect(codesOf(results)).toEqual(["stored", "stored"]);
    expect(await calls("multi")).toBe(0);
    expect(looped).toEqual([]);
  });

  test("sends entries of watched streams in one transaction, and others outside it", async () => {
    appends.loopback.watch("a");
    appends.loopback.watch("b");
    const first = await appends.add(["a", "1"], ["plain", "2"], ["b", "3"], ["a", "4"]);
    expect([await calls("multi"), await calls("exec"), await calls("xlen")]).toEqual([1, 1, 2]);
    const second = await appends.add(["a", "5"], ["a", "6"]);
    expect(looped).toEqual([{ key: "a", after: first.results[3], ids: second.results }]);
    expect(second.isKept).toBe(true);
  });

  test("an exception of a writer costs others neither their results nor the connection", async () => {
    appends.loopback.watch("a");
    const connections = await calls("hello");
    const rest = appends.add(["a", "1"]);
    appends.append([{ key: "a", id: "*", data: Buffer.from("2") }], () => {
      throw new Error("a fault of the writer");
    });
    const { results } = await appends.add(["a", "3"]);
    expect(codesOf([...(await rest).results, ...results])).toEqual(["stored", "stored"]);
    expect(appends.counters.internalErrors).toBe(1);
    expect(codesOf((await appends.add(["a", "4"])).results)).toEqual(["stored"]);
    expect(await calls("hello")).toBe(connections);
  });

  test("bounds a transaction in bytes and in entries", async () => {
    appends.loopback.watch("a");
    await appends.add(...Array.from({ length: 600 }, (_, i) => ["a", String(i)] as const));
    expect(await calls("multi")).toBe(3);
    await appends.add(...Array.from({ length: 5 }, () => ["a", "x".repeat(40_000)] as const));
    expect(await calls("multi")).toBe(6);
    expect(await redisDoes("XLEN", "a")).toBe(605);
  });

  test("keeps the order of a stream that is watched and unwatched within a turn", async () => {
    const done: Promise<unknown>[] = [];
    for (let i = 0; i < 40; i++) {
      if (i % 4 === 1) appends.loopback.watch("a");
      if (i % 4 === 3) appends.loopback.unwatch("a");
      done.push(appends.add(["a", String(i)]));
      if (i % 10 === 9) await eventLoopTurns(1);
    }
    await Promise.all(done);
    expect(await payloads("a")).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
  });
});

async function payloads(key: string): Promise<string[]> {
  const entries = (await redisDoes("XRANGE", key, "-", "+")) as [Buffer, [Buffer, Buffer]][];
  return entries.map(([, [, data]]) => data.toString());
}

describe("loopback", () => {
  beforeEach(() => appends.loopback.watch("s"));

  test("loops back the entries of each transaction, after those of the previous one", async () => {
    const ids: AppendResult[] = [];
    for (let i = 0; i < 5; i++) ids.push(...(await appends.add(["s", "x"], ["s", "y"])).results);
    expect(looped.flatMap((one) => one.ids)).toEqual(ids.slice(2));
    expect(looped.map(({ after }) => after)).toEqual([ids[1], ids[3], ids[5], ids[7]]);
    expect(disturbed).toEqual([]);
  });

  test.each([
    ["XADD", "s", "*", "d", "x"],
    ["DEL", "s"],
    ["UNLINK", "s"],
    ["XTRIM", "s", "MAXLEN", "0"],
    ["FLUSHALL"],
    ["SET", "s", "x"],
    ["RENAME", "s", "t"],
    ["PEXPIRE", "s", "1"],
    ["EVAL", "redis.call('XADD', KEYS[1], '*', 'd', 'x')", "1", "s"],
  ])("%s %s by another client ends the run", async (...command) => {
    await appends.add(["s", "1"]);
    await appends.add(["s", "2"]);
    await redisDoes(...command);
    await until("the change is reported", () => disturbed.length > 0);
    if (command[0] === "SET") await redisDoes("DEL", "s");
    await until("the key is gone or a stream", async () => {
      return ["none", "stream"].includes(String(await redisDoes("TYPE", "s")));
    });
    const third = await appends.add(["s", "3"]);
    const fourth = await appends.add(["s", "4"]);
    expect(codesOf([...third.results, ...fourth.results])).toEqual(["stored", "stored"]);
    expect(looped.map(({ ids }) => ids)).toEqual([[expect.anything()], fourth.results]);
    expect(looped[1]?.after).toBe(third.results[0]);
  });

  test("a foreign entry between two concurrent transactions ends the run", async () => {
    await appends.add(["s", "1"]);
    for (let i = 0; i < 50; i++) {
      const around = [appends.add(["s", "own"]), redisDoes("XADD", "s", "*", "d", "foreign")];
      await eventLoopTurns(i % 3);
      around.push(appends.add(["s", "own"]));
      await Promise.all(around);
    }
    // Each looped-back batch follows the reported id in the stream.
    const all = ((await redisDoes("XRANGE", "s", "-", "+")) as [Buffer, unknown][]).map(([id]) => String(id));
    for (const { after, ids } of looped) {
      const at = all.indexOf(after);
      expect(all.slice(at + 1, at + 1 + ids.length)).toEqual(ids);
    }
  });

  test("loops back nothing across own entries stored between two watches", async () => {
    await appends.add(["s", "1"]);
    redis.freeze();
    const under = [appends.add(["s", "2"])];
    await eventLoopTurns(2);
    appends.loopback.unwatch("s");
    under.push(appends.add(["s", "3"]));
    await eventLoopTurns(2);
    appends.loopback.watch("s");
    under.push(appends.add(["s", "4"]));
    redis.thaw();
    await Promise.all(under);
    expect(looped).toEqual([]);
  });

  test("loops back nothing after the connection was lost", async () => {
    await appends.add(["s", "1"]);
    await appends.add(["s", "2"]);
    expect(await killConnections(redis, "appends")).toBe(1);
    await until("the loss is reported", () => disturbed.includes("s"));
    await redisDoes("XADD", "s", "*", "d", "foreign");
    const third = await appends.add(["s", "3"]);
    await until("it is ready again", () => appends.connection().isReady());
    // The first one waited in the offline queue, as a plain command.
    const fourth = await appends.add(["s", "4"]);
    const fifth = await appends.add(["s", "5"]);
    const [, ...later] = looped;
    for (const { after } of later) expect([...third.results, ...fourth.results]).toContain(after);
    expect(later.at(-1)?.ids).toEqual(fifth.results);
  });
});

describe("rejections in a transaction", () => {
  beforeEach(() => appends.loopback.watch("s"));

  test("an invalid entry gets its own error, and the others are stored and looped back", async () => {
    await redisDoes("SET", "text", "x");
    appends.loopback.watch("text");
    await appends.add(["s", "1"]);
    const { results } = await appends.add(
      ["s", "2"],
      ["text", "3"],
      ["s", "4", "1-1"],
      ["s", "5", "what"],
      ["s", "6"],
    );
    expect(codesOf(results)).toEqual([
      "stored",
      "WRONG_TYPE",
      "ID_NOT_ABOVE_LAST",
      "BAD_PARAMETER",
      "stored",
    ]);
    expect(looped.map(({ ids }) => ids)).toEqual([[results[0], results[4]]]);
    expect(await payloads("s")).toEqual(["1", "2", "6"]);
  });

  test("rejects all entries while Redis is full, and recovers afterwards", async () => {
    await appends.add(["s", "1"]);
    await redisDoes("CONFIG", "SET", "maxmemory", 1);
    const { results, isKept } = await appends.add(["s", "2"], ["s", "3"], ["plain", "4"]);
    expect(codesOf(results)).toEqual(["REDIS_FULL", "REDIS_FULL", "REDIS_FULL"]);
    expect(isKept).toBe(false);
    await redisDoes("CONFIG", "SET", "maxmemory", 0);
    const after = await appends.add(["s", "5"]);
    expect(codesOf(after.results)).toEqual(["stored"]);
    expect(looped.map(({ ids }) => ids)).toEqual([after.results]);
    expect(await payloads("s")).toEqual(["1", "5"]);
  });

  test("stores exactly the acknowledged entries when Redis becomes full midway", async () => {
    await appends.add(["s", "1"]);
    const used = Number(/used_memory:(\d+)/.exec(String(await redisDoes("INFO", "memory")))?.[1]);
    await redisDoes("CONFIG", "SET", "maxmemory", used + 2_000_000);
    const batches = await Promise.all(
      Array.from({ length: 100 }, (_, i) => appends.add(["s", Buffer.alloc(60_000, i)], ["s", "small"])),
    );
    const codes = batches.flatMap(({ results }) => codesOf(results));
    expect(new Set(codes)).toEqual(new Set(["stored", "REDIS_FULL"]));
    expect(await redisDoes("XLEN", "s")).toBe(codes.filter((code) => code === "stored").length + 1);
  });

  test("reports REDIS_UNAVAILABLE after Redis became a replica", async () => {
    await appends.add(["s", "1"]);
    await redisDoes("REPLICAOF", "127.0.0.1", 1);
    const { results } = await appends.add(["s", "2"], ["s", "3"]);
    expect(codesOf(results)).toEqual(["REDIS_UNAVAILABLE", "REDIS_UNAVAILABLE"]);
    expect(String(results[0])).toContain("READONLY");
    await redisDoes("REPLICAOF", "NO", "ONE");
    expect(codesOf((await appends.add(["s", "4"])).results)).toEqual(["stored"]);
    expect(await payloads("s")).toEqual(["1", "4"]);
  });

  test("a stream without write permission fails the others at most once", async () => {
    await asUser("resetkeys", "~s", "%R~closed*");
    appends.loopback.watch("s");
    appends.loopback.watch("closed");
    const { results: first } = await appends.add(["s", "1"], ["closed", "2"]);
    expect(codesOf(first)).toEqual(["REDIS_REFUSED", "REDIS_REFUSED"]);
    expect(String(first[0])).toContain("in the same transaction was rejected");
    expect(await payloads("s")).toEqual([]);
    // An unwatched stream without permission does not affect others.
    const { results } = await appends.add(["s", "3"], ["closed", "4"], ["closed too", "5"], ["s", "6"]);
    expect(codesOf(results)).toEqual(["stored", "REDIS_REFUSED", "REDIS_REFUSED", "stored"]);
    expect(await payloads("s")).toEqual(["3", "6"]);
  });

  test.each(["-multi", "-exec", "-client|tracking", "-xlen"])(
    "for a user with %s entries are stored without loopback and reported correctly",
    async (rule) => {
      await asUser(rule);
      appends.loopback.watch("s");
      const all = [await appends.add(["s", "1"]), await appends.add(["s", "2"], ["s", "3"])];
      all.push(await appends.add(["s", "4"]));
      // Exactly the entries reported as stored are stored; only the first, which reveals the missing permission, may be rejected.
      const outcomes = all.flatMap(({ results }) => codesOf(results));
      const stored = await payloads("s");
      expect(stored).toEqual(["1", "2", "3", "4"].filter((_, i) => outcomes[i] === "stored"));
      expect(outcomes.slice(1)).toEqual(["stored", "stored", "stored"]);
      expect(looped).toEqual([]);
    },
  );
});

describe("a lost connection", () => {
  test("during transactions, each entry gets one result, and stored entries are in order", async () => {
    appends.loopback.watch("s");
    const outcomes = new Map<number, AppendResult | undefined>();
    let isAdding = true;
    let last = 0;
    const adding = new Promise<void>((resolve) => {
      const add = () => {
        if (!isAdding) return resolve();
        for (let i = 0; i < 20; i++) {
          const n = last++;
          const key = n % 5 === 0 ? "other" : "s";
          appends.append([{ key, id: "*", data: Buffer.from(String(n)) }], ([result]) => {
            expect(outcomes.has(n)).toBe(false);
            outcomes.set(n, result);
          });
        }
        setImmediate(add);
      };
      add();
    });
    for (let i = 0; i < 5; i++) {
      const before = outcomes.size;
      await until("entries are stored", () => outcomes.size > before + 500);
      await killConnections(redis, "appends");
    }
    isAdding = false;
    await adding;
    await until("all have a result", () => outcomes.size === last);
    const stored = [...(await payloads("s")), ...(await payloads("other"))];
    for (const key of ["s", "other"]) {
      const numbers = (await payloads(key)).map(Number);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      expect(new Set(numbers).size).toBe(numbers.length);
    }
    const known = new Set(stored.map(Number));
    const codes = new Set([...outcomes.values()].map(codeOf));
    for (const code of codes) expect(["stored", "APPEND_UNKNOWN"]).toContain(code);
    for (const [n, result] of outcomes) if (codeOf(result) === "stored") expect(known.has(n)).toBe(true);
  });

  test("reports APPEND_UNKNOWN for a lost reply", async () => {
    appends.loopback.watch("s");
    await appends.add(["s", "1"]);
    redis.freeze();
    const under = appends.add(["s", "2"], ["s", "3"], ["plain", "4"]);
    await eventLoopTurns(3);
    const killed = redis.kill();
    const { results, isKept } = await under;
    expect(codesOf(results)).toEqual(["APPEND_UNKNOWN", "APPEND_UNKNOWN", "APPEND_UNKNOWN"]);
    expect(isKept).toBe(false);
    await killed;
  });
});
