/** Appends of watched streams, in transactions on a real Redis that refuses them, loses them or is overtaken. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/entry.ts";
import type { EntryId } from "../../../src/domain/entry-id.ts";
import { GatewayError } from "../../../src/domain/errors.ts";
import type { AppendResult } from "../../../src/redis/append/appender.ts";
import type { EchoListener } from "../../../src/redis/append/loopback.ts";
import { openAppends, type TestAppends } from "../../support/appends.ts";
import { killConnections, startRedis, type TestRedis } from "../../support/redis.ts";
import { turns, until } from "../../support/until.ts";

let redis: TestRedis;
let appends: TestAppends;
/** What was echoed, per stream: the entries' ids, and what each echo said that they follow. */
let echoed: { key: string; after: EntryId; ids: EntryId[] }[];
let disturbed: string[];

const listener: EchoListener = {
  echoed(key, after, entries: readonly Entry[]) {
    echoed.push({ key, after, ids: entries.map(({ id }) => id) });
    return true;
  },
  disturbed: (key) => void disturbed.push(key),
};

beforeEach(async () => {
  redis = await startRedis();
  echoed = [];
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

/** How often Redis was asked to do a command. */
async function calls(command: string): Promise<number> {
  const stats = String(await redisDoes("INFO", "commandstats"));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** Opens an appender as a user who may do less, in place of the usual one. */
async function asUser(...rules: readonly string[]): Promise<void> {
  appends[Symbol.dispose]();
  await redisDoes("ACL", "SETUSER", "limited", "reset", "on", ">secret", "~*", "&*", "+@all", ...rules);
  appends = await openAppends(redis.url.replace("//", "//limited:secret@"), listener);
}

describe("what is sent", () => {
  test("entries of a stream that nobody watches leave as plain commands", async () => {
    const { results } = await appends.add(["a", "1"], ["b", "2"]);
    expect(codesOf(results)).toEqual(["stored", "stored"]);
    expect(await calls("multi")).toBe(0);
    expect(echoed).toEqual([]);
  });

  test("those of watched streams leave in one transaction, and the others beside it", async () => {
    appends.echo.watch("a");
    appends.echo.watch("b");
    const first = await appends.add(["a", "1"], ["plain", "2"], ["b", "3"], ["a", "4"]);
    expect([await calls("multi"), await calls("exec"), await calls("xlen")]).toEqual([1, 1, 2]);
    const second = await appends.add(["a", "5"], ["a", "6"]);
    expect(echoed).toEqual([{ key: "a", after: first.results[3], ids: second.results }]);
    expect(second.isKept).toBe(true);
  });

  test("a transaction is bounded, in bytes and in entries", async () => {
    appends.echo.watch("a");
    await appends.add(...Array.from({ length: 600 }, (_, i) => ["a", String(i)] as const));
    expect(await calls("multi")).toBe(3);
    await appends.add(...Array.from({ length: 5 }, () => ["a", "x".repeat(40_000)] as const));
    expect(await calls("multi")).toBe(6);
    expect(await redisDoes("XLEN", "a")).toBe(605);
  });

  test("what is watched and unwatched within a turn keeps its order", async () => {
    const done: Promise<unknown>[] = [];
    for (let i = 0; i < 40; i++) {
      if (i % 4 === 1) appends.echo.watch("a");
      if (i % 4 === 3) appends.echo.unwatch("a");
      done.push(appends.add(["a", String(i)]));
      if (i % 10 === 9) await turns(1);
    }
    await Promise.all(done);
    expect(await payloads("a")).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
  });
});

async function payloads(key: string): Promise<string[]> {
  const entries = (await redisDoes("XRANGE", key, "-", "+")) as [Buffer, [Buffer, Buffer]][];
  return entries.map(([, [, data]]) => data.toString());
}

describe("what is echoed", () => {
  beforeEach(() => appends.echo.watch("s"));

  test("the entries of each transaction, behind those of the one before", async () => {
    const ids: AppendResult[] = [];
    for (let i = 0; i < 5; i++) ids.push(...(await appends.add(["s", "x"], ["s", "y"])).results);
    expect(echoed.flatMap((one) => one.ids)).toEqual(ids.slice(2));
    expect(echoed.map(({ after }) => after)).toEqual([ids[1], ids[3], ids[5], ids[7]]);
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
  ])("%s %s of somebody else breaks the run", async (...command) => {
    await appends.add(["s", "1"]);
    await appends.add(["s", "2"]);
    await redisDoes(...command);
    await until("the change is told", () => disturbed.length > 0);
    if (command[0] === "SET") await redisDoes("DEL", "s");
    await until("it is no longer there, or a stream", async () => {
      return ["none", "stream"].includes(String(await redisDoes("TYPE", "s")));
    });
    const third = await appends.add(["s", "3"]);
    const fourth = await appends.add(["s", "4"]);
    expect(codesOf([...third.results, ...fourth.results])).toEqual(["stored", "stored"]);
    expect(echoed.map(({ ids }) => ids)).toEqual([[expect.anything()], fourth.results]);
    expect(echoed[1]?.after).toBe(third.results[0]);
  });

  test("a foreign entry between two transactions that are under way at once breaks it too", async () => {
    await appends.add(["s", "1"]);
    for (let i = 0; i < 50; i++) {
      const around = [appends.add(["s", "own"]), redisDoes("XADD", "s", "*", "d", "foreign")];
      await turns(i % 3);
      around.push(appends.add(["s", "own"]));
      await Promise.all(around);
    }
    // Whatever was echoed follows what it is said to follow.
    const all = ((await redisDoes("XRANGE", "s", "-", "+")) as [Buffer, unknown][]).map(([id]) => String(id));
    for (const { after, ids } of echoed) {
      const at = all.indexOf(after);
      expect(all.slice(at + 1, at + 1 + ids.length)).toEqual(ids);
    }
  });

  test("own entries that were stored between two watches of a stream are no hole in an echo", async () => {
    await appends.add(["s", "1"]);
    redis.freeze();
    const under = [appends.add(["s", "2"])];
    await turns(2);
    appends.echo.unwatch("s");
    under.push(appends.add(["s", "3"]));
    await turns(2);
    appends.echo.watch("s");
    under.push(appends.add(["s", "4"]));
    redis.thaw();
    await Promise.all(under);
    expect(echoed).toEqual([]);
  });

  test("nothing, after its connection was lost", async () => {
    await appends.add(["s", "1"]);
    await appends.add(["s", "2"]);
    expect(await killConnections(redis, "appends")).toBe(1);
    await until("the loss is told", () => disturbed.includes("s"));
    await redisDoes("XADD", "s", "*", "d", "foreign");
    const third = await appends.add(["s", "3"]);
    await until("it is ready again", () => appends.connection().isReady());
    // The first one waited for Redis, as a plain command.
    const fourth = await appends.add(["s", "4"]);
    const fifth = await appends.add(["s", "5"]);
    const [, ...later] = echoed;
    for (const { after } of later) expect([...third.results, ...fourth.results]).toContain(after);
    expect(later.at(-1)?.ids).toEqual(fifth.results);
  });
});

describe("what is refused in a transaction", () => {
  beforeEach(() => appends.echo.watch("s"));

  test("an entry of its own fault gets its own error, and the others are stored and echoed", async () => {
    await redisDoes("SET", "text", "x");
    appends.echo.watch("text");
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
    expect(echoed.map(({ ids }) => ids)).toEqual([[results[0], results[4]]]);
    expect(await payloads("s")).toEqual(["1", "2", "6"]);
  });

  test("where Redis is full, all are told so, nothing is stored, and it goes on when there is room again", async () => {
    await appends.add(["s", "1"]);
    await redisDoes("CONFIG", "SET", "maxmemory", 1);
    const { results, isKept } = await appends.add(["s", "2"], ["s", "3"], ["plain", "4"]);
    expect(codesOf(results)).toEqual(["REDIS_FULL", "REDIS_FULL", "REDIS_FULL"]);
    expect(isKept).toBe(false);
    await redisDoes("CONFIG", "SET", "maxmemory", 0);
    const after = await appends.add(["s", "5"]);
    expect(codesOf(after.results)).toEqual(["stored"]);
    expect(echoed.map(({ ids }) => ids)).toEqual([after.results]);
    expect(await payloads("s")).toEqual(["1", "5"]);
  });

  test("also where it becomes full on the way", async () => {
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

  test("of a Redis that has become a replica, all are told that it is not ready", async () => {
    await appends.add(["s", "1"]);
    await redisDoes("REPLICAOF", "127.0.0.1", 1);
    const { results } = await appends.add(["s", "2"], ["s", "3"]);
    expect(codesOf(results)).toEqual(["REDIS_UNAVAILABLE", "REDIS_UNAVAILABLE"]);
    expect(String(results[0])).toContain("READONLY");
    await redisDoes("REPLICAOF", "NO", "ONE");
    expect(codesOf((await appends.add(["s", "4"])).results)).toEqual(["stored"]);
    expect(await payloads("s")).toEqual(["1", "4"]);
  });

  test("a stream that may not be written to harms the others once at most", async () => {
    await asUser("resetkeys", "~s", "%R~closed*");
    appends.echo.watch("s");
    appends.echo.watch("closed");
    const { results: first } = await appends.add(["s", "1"], ["closed", "2"]);
    expect(codesOf(first)).toEqual(["REDIS_REFUSED", "REDIS_REFUSED"]);
    expect(String(first[0])).toContain("together with an entry that was refused");
    expect(await payloads("s")).toEqual([]);
    // One that nobody watches harms nobody.
    const { results } = await appends.add(["s", "3"], ["closed", "4"], ["closed too", "5"], ["s", "6"]);
    expect(codesOf(results)).toEqual(["stored", "REDIS_REFUSED", "REDIS_REFUSED", "stored"]);
    expect(await payloads("s")).toEqual(["3", "6"]);
  });

  test.each(["-multi", "-exec", "-client|tracking", "-xlen"])(
    "for a user with %s entries are stored without an echo, and told as they are",
    async (rule) => {
      await asUser(rule);
      appends.echo.watch("s");
      const all = [await appends.add(["s", "1"]), await appends.add(["s", "2"], ["s", "3"])];
      all.push(await appends.add(["s", "4"]));
      // What is told as stored is, and nothing else; only what shows that it cannot be done may be refused.
      const told = all.flatMap(({ results }) => codesOf(results));
      const stored = await payloads("s");
      expect(stored).toEqual(["1", "2", "3", "4"].filter((_, i) => told[i] === "stored"));
      expect(told.slice(1)).toEqual(["stored", "stored", "stored"]);
      expect(echoed).toEqual([]);
    },
  );
});

describe("a connection that is lost", () => {
  test("in the middle of transactions: each entry is told once how it ended, and what is stored is in order", async () => {
    appends.echo.watch("s");
    const told = new Map<number, AppendResult | undefined>();
    let isAdding = true;
    let last = 0;
    const adding = new Promise<void>((resolve) => {
      const add = () => {
        if (!isAdding) return resolve();
        for (let i = 0; i < 20; i++) {
          const n = last++;
          const key = n % 5 === 0 ? "other" : "s";
          appends.append([{ key, id: "*", data: Buffer.from(String(n)) }], ([result]) => {
            expect(told.has(n)).toBe(false);
            told.set(n, result);
          });
        }
        setImmediate(add);
      };
      add();
    });
    for (let i = 0; i < 5; i++) {
      const before = told.size;
      await until("entries are stored", () => told.size > before + 500);
      await killConnections(redis, "appends");
    }
    isAdding = false;
    await adding;
    await until("all are told", () => told.size === last);
    const stored = [...(await payloads("s")), ...(await payloads("other"))];
    for (const key of ["s", "other"]) {
      const numbers = (await payloads(key)).map(Number);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      expect(new Set(numbers).size).toBe(numbers.length);
    }
    const known = new Set(stored.map(Number));
    const codes = new Set([...told.values()].map(codeOf));
    for (const code of codes) expect(["stored", "APPEND_UNKNOWN"]).toContain(code);
    for (const [n, result] of told) if (codeOf(result) === "stored") expect(known.has(n)).toBe(true);
  });

  test("an answer that is lost with it is told as unknown", async () => {
    appends.echo.watch("s");
    await appends.add(["s", "1"]);
    redis.freeze();
    const under = appends.add(["s", "2"], ["s", "3"], ["plain", "4"]);
    await turns(3);
    const killed = redis.kill();
    const { results, isKept } = await under;
    expect(codesOf(results)).toEqual(["APPEND_UNKNOWN", "APPEND_UNKNOWN", "APPEND_UNKNOWN"]);
    expect(isKept).toBe(false);
    await killed;
  });
});
