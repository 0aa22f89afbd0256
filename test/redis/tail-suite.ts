/** Guarantees of every tail, whichever way it detects growth, verified on a real Redis. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { compareIds, type EntryId, FIRST_ID, parseId } from "../../src/domain/streams/entry-id.ts";
import { type Counters, createCounters } from "../../src/observe/counters.ts";
import { createStreamClasses } from "../../src/observe/stream-classes.ts";
import { parseRedisUrl } from "../../src/redis/address/redis-url.ts";
import { type Append, type AppendResult, createAppender } from "../../src/redis/append/appender.ts";
import { openClusterStore } from "../../src/redis/cluster-store.ts";
import { createEntrySizes } from "../../src/redis/read/entry-sizes.ts";
import { openSingleStore } from "../../src/redis/single-store.ts";
import type { Store } from "../../src/redis/store.ts";
import type { TailMode } from "../../src/redis/tail/open-tail.ts";
import type { Tail, TailRead } from "../../src/redis/tail/tail.ts";
import { agree, makeCluster, nodeArguments } from "../support/redis/cluster.ts";
import { DURABLE, silent, startRedis, type TestRedis } from "../support/redis/redis.ts";
import { until } from "../support/until.ts";

const id = (text: string): EntryId => parseId(text) ?? FIRST_ID;

/** Payload sizes: the continuity check depends on them. */
const SMALL = ["small entries", "x"] as const;
const LARGE = ["large entries", "x".repeat(20_000)] as const;
const SIZES = [SMALL, LARGE];

/** Writers of the entries: other programs, this gateway, whose entries may be looped back, or both in turns. */
export type Writer = "others" | "itself" | "both";

/** Registers the suite. @param redisArguments arguments of its servers, besides an append-only file */
export function testTail(
  mode: TailMode | "cluster",
  writer: Writer,
  ...redisArguments: readonly string[]
): void {
  /** Serves all tests, because starting it, or forming a cluster of it, takes longer than most of them. */
  let redis: TestRedis;
  let store: Store;
  let append: Append;
  let tail: Tail;
  let counters: Counters;
  /** Received ids of each stream, in order. */
  let seen: Map<string, EntryId[]>;
  let reads: TailRead[];
  /** Streams that were created again without a newer entry. */
  let restarted: string[];
  /** Called after each delivery. */
  let onDelivered: () => void;

  beforeAll(async () => {
    const nodeOptions = mode === "cluster" ? await nodeArguments() : [];
    redis = await startRedis(...DURABLE, ...nodeOptions, ...redisArguments);
    if (mode === "cluster") await makeCluster([redis]);
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  beforeEach(async () => {
    await redis.control.call("FLUSHALL");
    counters = createCounters();
    seen = new Map();
    reads = [];
    restarted = [];
    onDelivered = () => undefined;
    const parts = {
      readsReplicas: false,
      waitMs: 10_000,
      leaseMs: 30_000,
      streamMaxLength: 0,
      sizes: createEntrySizes(),
      counters,
      logger: silent,
    };
    const address = parseRedisUrl(redis.url);
    store =
      mode === "cluster"
        ? openClusterStore({ ...parts, endpoint: { seeds: [address] } })
        : openSingleStore({ ...parts, address, tailMode: mode, pollCacheBytes: 0 });
    append = createAppender({
      openSending: store.openSending,
      streamMaxLength: 0,
      counters,
      logger: silent,
      streamClasses: createStreamClasses(),
    });
    tail = store.openTail(
      (some) => {
        for (const read of some) {
          reads.push(read);
          const ids = seen.get(read.key) ?? [];
          seen.set(read.key, ids);
          // Each read begins after the one before.
          const last = ids.at(-1);
          if (last !== undefined) expect(read.after).toBe(last);
          ids.push(...read.entries.map((entry) => entry.id));
        }
        onDelivered();
        return true;
      },
      { onRemoval: (key, isNewLife) => void (isNewLife && restarted.push(key)) },
    );
  });
  afterEach(async () => {
    tail.close();
    store.close();
  });

  const redisDoes = (...command: (string | number)[]) => redis.control.call(...command);
  let added = 0;
  /** Adds an entry. @returns its id */
  async function add(key: string, entry = "*", data = "x"): Promise<string> {
    const isForeign = writer === "others" || (writer === "both" && added++ % 3 === 0);
    if (isForeign) return String(await redisDoes("XADD", key, entry, "d", data));
    const [result] = await new Promise<readonly AppendResult[]>((resolve) =>
      append([{ key, id: entry, data: Buffer.from(data) }], resolve),
    );
    if (result instanceof Error) throw result;
    return String(result);
  }
  const stored = async (key: string) =>
    ((await redisDoes("XRANGE", key, "-", "+")) as [Buffer, unknown][]).map(([one]) => one.toString());
  /** State of the tail, for a failure: whether Redis replies, and which command each connection sent last. */
  async function state(): Promise<string> {
    const { tailReads, redisReconnects } = counters;
    const clients = await redisDoes("CLIENT", "LIST").catch((error: unknown) => error);
    return `${tailReads} reads, ${redisReconnects} lost connections, CLIENT LIST: ${clients}`;
  }
  const arrives = (key: string, last: unknown) =>
    until(
      async () => `${key} arrives up to ${last}, not only to ${seen.get(key)?.at(-1)} (${await state()})`,
      () => seen.get(key)?.at(-1) === String(last),
    );
  /** Adds an entry and waits until it arrives. */
  const passes = async (key: string, entry?: string, data?: string) =>
    arrives(key, await add(key, entry, data));
  /** Waits until the tail has processed everything before: an entry of another stream arrives. */
  async function settled(): Promise<void> {
    if (!seen.has("settled")) tail.watch("settled", FIRST_ID);
    await arrives("settled", await redisDoes("XADD", "settled", "*", "d", "x"));
  }

  test("delivers every entry once and in order, for any writer and batch size", async () => {
    tail.watch("s", FIRST_ID);
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 200 }, () => add("s")));
      if (round % 3 === 0) await redis.control.call("XADD", "s", "*", "other", "field");
    }
    const all = await stored("s");
    await arrives("s", all.at(-1));
    expect(seen.get("s")).toEqual(all);
    expect(reads.some(({ hasGap }) => hasGap)).toBe(false);
  });

  test("reads a stream from after the watched id, even if it takes several reads", async () => {
    for (let i = 1; i <= 3500; i += 500)
      await Promise.all(
        Array.from({ length: 500 }, (_, j) => redisDoes("XADD", "s", `${i + j}-0`, "d", "x")),
      );
    tail.watch("s", id("10-0"));
    await arrives("s", "3500-0");
    expect(seen.get("s")).toEqual((await stored("s")).slice(10));
    await passes("s");
  });

  test("reads a stream that does not exist yet", async () => {
    tail.watch("new", FIRST_ID);
    await settled();
    await passes("new");
    await passes("new");
  });

  test("reads a stream that is deleted and created again", async () => {
    tail.watch("s", FIRST_ID);
    await passes("s", "5-0");
    await redisDoes("DEL", "s");
    await settled();
    await passes("s", "6-0");
    await redisDoes("UNLINK", "s");
    await passes("s", "7-0");
    // Entries that are deleted before they are read do not arrive and delay nothing.
    await redisDoes("XADD", "s", "8-0", "d", "x");
    await redisDoes("XDEL", "s", "8-0");
    await passes("s", "9-0");
    await redisDoes("XTRIM", "s", "MAXLEN", 0);
    await passes("s", "10-0");
  });

  test.each(["FLUSHALL", "FLUSHDB"])("continues after %s", async (flush) => {
    const keys = Array.from({ length: 50 }, (_, i) => `s${i}`);
    for (const key of keys) tail.watch(key, FIRST_ID);
    await Promise.all(keys.map((key) => passes(key)));
    await redisDoes(flush);
    await Promise.all(keys.map((key) => passes(key)));
    await Promise.all(keys.map((key) => passes(key)));
  });

  test("reads a stream that is the target of RENAME, RESTORE or COPY", async () => {
    tail.watch("s", FIRST_ID);
    await settled();
    // In the same slot.
    await add("{s}other", "1-0");
    await redisDoes("RENAME", "{s}other", "s");
    await arrives("s", "1-0");
    await add("{s}other", "2-0");
    await redisDoes("COPY", "{s}other", "s", "REPLACE");
    await arrives("s", "2-0");
    await redisDoes("EVAL", "redis.call('XADD', KEYS[1], '3-0', 'd', 'x')", 1, "s");
    await arrives("s", "3-0");
  });

  test("misses nothing while its connection is killed repeatedly, and counts the losses", async () => {
    await killedAgainAndAgain("tail");
    expect(counters.redisReconnects).toBe(5);
  });

  test("misses nothing while the append connection is killed repeatedly", () =>
    killedAgainAndAgain("appends"));

  async function killedAgainAndAgain(name: string): Promise<void> {
    const keys = ["a", "b", "c"];
    for (const key of keys) tail.watch(key, FIRST_ID);
    await settled();
    for (let kill = 1; kill <= 5; kill++) {
      // An append whose reply was lost may or may not be stored.
      const adding = Promise.allSettled(Array.from({ length: 300 }, (_, i) => add(keys[i % 3] ?? "a")));
      await until(`a connection ${name} exists`, async () => {
        const clients = String(await redisDoes("CLIENT", "LIST")).split("\n");
        const line = clients.find((one) => one.includes(`name=redis-streamer:${name}`)) ?? "";
        const [, clientId] = /^id=(\d+)/.exec(line) ?? [];
        return clientId !== undefined && (await redisDoes("CLIENT", "KILL", "ID", clientId)) === 1;
      });
      await adding;
      if (name === "tail") await until("the loss is detected", () => counters.redisReconnects === kill);
      await settled();
    }
    for (const key of keys) {
      const all = await stored(key);
      await arrives(key, all.at(-1));
      expect(seen.get(key)).toEqual(all);
    }
  }

  test("misses nothing when the server is killed and restarted", async () => {
    tail.watch("s", FIRST_ID);
    await passes("s");
    await redis.kill();
    await redis.start();
    if (mode === "cluster") await agree([redis]);
    await add("s");
    await passes("s");
    expect(seen.get("s")).toEqual(await stored("s"));
  });

  test("delivers from a few active streams among thousands", async () => {
    const keys = Array.from({ length: 3000 }, (_, i) => `s${i}`);
    for (const key of keys) tail.watch(key, FIRST_ID);
    expect(counters.tailStreams).toBe(keys.length);
    await settled();
    for (let round = 0; round < 3; round++) {
      const grown = keys.filter((_, i) => i % (round + 1) === 0);
      const last = await Promise.all(grown.map((key) => add(key)));
      await until("all entries arrived", () =>
        grown.every((key, i) => seen.get(key)?.at(-1) === String(last[i])),
      );
    }
    for (const key of ["s0", "s1", "s2", "s2998"]) expect(seen.get(key)).toEqual(await stored(key));
  });

  test("bounds each read over many streams of large entries, and delivers everything", async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `s${i}`);
    const store = "for i = 1, 10 do redis.call('XADD', KEYS[1], i .. '-0', 'd', string.rep('x', 200000)) end";
    for (const key of keys) await redisDoes("EVAL", store, 1, key);
    for (const key of keys) tail.watch(key, FIRST_ID);
    await until("all entries arrived", () => keys.every((key) => seen.get(key)?.at(-1) === "10-0"));
    for (const key of keys) expect(seen.get(key)).toEqual(await stored(key));
  });

  test("a key of another type does not delay other streams, and is read when it becomes a stream", async () => {
    await redisDoes("SET", "wrong", "text");
    tail.watch("right", FIRST_ID);
    tail.watch("wrong", FIRST_ID);
    tail.watch("also right", FIRST_ID);
    await passes("right");
    await passes("also right");
    await redisDoes("DEL", "wrong");
    await add("wrong", "1-0");
    await passes("right");
    await arrives("wrong", "1-0");
    // Again, with a stream that is already being watched.
    await redisDoes("SET", "wrong", "text");
    await passes("right");
    await redisDoes("DEL", "wrong");
    await passes("wrong", "2-0");
    await passes("also right");
  });

  test("reads a key of another type, watched alone, when it becomes a stream", async () => {
    await redisDoes("SET", "wrong", "text");
    tail.watch("wrong", FIRST_ID);
    await redisDoes("SET", "wrong", "text again");
    await redisDoes("DEL", "wrong");
    await passes("wrong", "1-0");
    await passes("wrong", "2-0");
  });

  /** Atomically adds an entry and leaves no memory for another one. @returns the entry's id */
  async function fill(key: string): Promise<string> {
    const replies = await new Promise<readonly unknown[]>((resolve, reject) =>
      redis.control.transact(
        [
          ["XADD", key, "*", "d", "x"],
          ["CONFIG", "SET", "maxmemory", 1],
        ],
        (error, all) => (error ? reject(error) : resolve(all)),
      ),
    );
    return String(replies[0]);
  }

  test("reads entries while the memory of Redis is full", async () => {
    tail.watch("s", FIRST_ID);
    await passes("s");
    await add("t");
    try {
      const last = await fill("s");
      await arrives("s", last);
      tail.watch("t", FIRST_ID);
      await arrives("t", (await stored("t")).at(-1));
    } finally {
      await redisDoes("CONFIG", "SET", "maxmemory", 0);
    }
    await passes("s");
    expect(seen.get("s")).toEqual(await stored("s"));
    expect(reads.filter(({ hasGap }) => hasGap)).toEqual([]);
  });

  test("reads a stream whose reads Redis rejected for a while", async () => {
    tail.watch("s", FIRST_ID);
    await passes("s");
    await redisDoes("ACL", "SETUSER", "default", "-eval");
    const before = counters.tailReads;
    const last = await fill("s");
    await until("it is read", () => counters.tailReads > before);
    await redisDoes("ACL", "SETUSER", "default", "+eval");
    await redisDoes("CONFIG", "SET", "maxmemory", 0);
    await arrives("s", last);
    await passes("s");
    expect(seen.get("s")).toEqual(await stored("s"));
  });

  test("does not deliver an unwatched stream, and continues a stream that is watched again", async () => {
    tail.watch("s", FIRST_ID);
    tail.watch("other", FIRST_ID);
    await passes("s", "1-0");
    tail.unwatch("s");
    await add("s", "2-0");
    await add("s", "3-0");
    await passes("other");
    expect(seen.get("s")).toEqual(["1-0"]);
    // First from after the missed entries, then from before them.
    seen.delete("s");
    tail.watch("s", id("2-0"));
    await arrives("s", "3-0");
    expect(seen.get("s")).toEqual(["3-0"]);
    seen.delete("s");
    tail.watch("s", FIRST_ID);
    await arrives("s", "3-0");
    expect(seen.get("s")).toEqual(["1-0", "2-0", "3-0"]);
    await passes("s", "4-0");
    expect(counters.tailStreams).toBe(2);
  });

  test("misses nothing while streams are watched and unwatched continuously", async () => {
    tail.watch("s", FIRST_ID);
    for (let i = 0; i < 100; i++) {
      tail.watch(`passing ${i}`, FIRST_ID);
      await Promise.all([add("s"), add("s"), add(`passing ${i}`)]);
      tail.unwatch(`passing ${i}`);
    }
    const all = await stored("s");
    await arrives("s", all.at(-1));
    expect(seen.get("s")).toEqual(all);
  });

  test("reports a gap when entries were trimmed before they were read", async () => {
    tail.watch("s", FIRST_ID);
    await passes("s", "1-0");
    await redis.control.call("CLIENT", "PAUSE", 200, "ALL");
    // One transaction: the tail reads all of it or nothing.
    await redisDoes(
      "EVAL",
      "for i = 2, 50 do redis.call('XADD', KEYS[1], i .. '-0', 'd', 'x') end redis.call('XTRIM', KEYS[1], 'MAXLEN', 5)",
      1,
      "s",
    );
    await arrives("s", "50-0");
    expect(seen.get("s")).toEqual(["1-0", "46-0", "47-0", "48-0", "49-0", "50-0"]);
    expect(reads.map(({ hasGap }) => hasGap)).toEqual([false, true]);
  });

  test.each(SIZES)(
    "reports a gap however a deletion and re-creation races with its reads, of %s",
    async (_, data) => {
      tail.watch("s", FIRST_ID);
      await passes("s", "1-0", data);
      const remake = "redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[1], ARGV[1], 'd', ARGV[2])";
      for (let round = 2; round < 60; round++) {
        await redisDoes("EVAL", remake, 1, "s", `${round}-0`, data);
        // The tail may read before the second entry, between its check and its read, or after it.
        if (round % 2 === 0) await new Promise(setImmediate);
        await passes("s", `${round}-1`, data);
        const at = reads.find(({ key, entries }) => key === "s" && entries[0]?.id === `${round}-0`);
        expect([round, at?.hasGap]).toEqual([round, true]);
      }
    },
  );

  test("reports a gap if a long stream is replaced by another one of the expected length", async () => {
    tail.watch("s", FIRST_ID);
    for (let i = 1; i <= 100; i++) await redisDoes("XADD", "s", `${i}-0`, "d", "x");
    await arrives("s", "100-0");
    // Checked by its length from here on.
    for (let i = 101; i <= 110; i++) await passes("s", `${i}-0`);
    const remake = `redis.call('DEL', KEYS[1])
      for i = 1000, 1110 do redis.call('XADD', KEYS[1], i .. '-0', 'd', 'x') end`;
    await redisDoes("EVAL", remake, 1, "s");
    await arrives("s", "1110-0");
    const at = reads.find(({ entries }) => entries[0]?.id === "1000-0");
    expect(at?.hasGap).toBe(true);
  });

  test.each([
    [1, ...SMALL],
    [70, ...SMALL],
    [1, ...LARGE],
    [2, ...LARGE],
    [10, ...LARGE],
  ] as const)(
    "reports no gap where a stream is trimmed with every entry to %i, of %s",
    async (keep, _, data) => {
      tail.watch("s", FIRST_ID);
      for (let i = 1; i <= 200; i++) {
        await redisDoes("XADD", "s", "MAXLEN", keep, `${i}-0`, "d", data);
        await arrives("s", `${i}-0`);
      }
      expect(reads.filter(({ hasGap }) => hasGap)).toEqual([]);
    },
  );

  const remake = `redis.call('DEL', KEYS[1])
    for i = 2, #ARGV do redis.call('XADD', KEYS[1], ARGV[i], 'd', ARGV[1]) end`;

  test.each(SIZES)("reports a new life that has as many entries as the old one, of %s", async (_, data) => {
    tail.watch("s", FIRST_ID);
    for (const entry of ["2-0", "3-0", "4-0", "5-0", "6-0"]) await passes("s", entry, data);
    await redisDoes("EVAL", remake, 1, "s", `y${data}`, "1-0", "2-0", "3-0", "4-0", "6-0");
    await settled();
    await passes("s", "7-0", data);
    const lives = restarted.length + reads.filter(({ isNewLife }) => isNewLife).length;
    expect(lives).toBe(1);
  });

  test("reports the gap of trimming in a stream of large entries", async () => {
    const [, data] = LARGE;
    tail.watch("s", FIRST_ID);
    // Past the first entries of a stream, whose payloads are compared.
    for (let i = 1; i <= 70; i++) await passes("s", `${i}-0`, data);
    await redisDoes("XTRIM", "s", "MAXLEN", 20);
    for (let i = 71; i <= 90; i++) await passes("s", `${i}-0`, data);
    const flood = `for i = 91, 110 do redis.call('XADD', KEYS[1], i .. '-0', 'd', ARGV[1]) end
      redis.call('XTRIM', KEYS[1], 'MAXLEN', 5)`;
    await redisDoes("EVAL", flood, 1, "s", data);
    await arrives("s", "110-0");
    expect(reads.filter(({ hasGap }) => hasGap).map(({ after }) => after)).toEqual(["90-0"]);
  });

  test("reports, within a few reads, a new life with as many large entries as the old one", async () => {
    const [, data] = LARGE;
    tail.watch("s", FIRST_ID);
    for (let i = 1; i <= 70; i++) await passes("s", `${i}-0`, data);
    await redisDoes("XTRIM", "s", "MAXLEN", 5);
    await passes("s", "71-0", data);
    await redisDoes("EVAL", remake, 1, "s", data, "60-0", "61-0", "62-0", "63-0", "64-0", "71-0");
    const lives = () => restarted.length + reads.filter(({ isNewLife }) => isNewLife).length;
    // Added by another program, because own appends are not read.
    for (let i = 72; i < 90 && lives() === 0; i++) {
      await redisDoes("XADD", "s", `${i}-0`, "d", data);
      await arrives("s", `${i}-0`);
    }
    expect(lives()).toBe(1);
    expect(reads.filter(({ hasGap, isNewLife }) => hasGap && !isNewLife)).toEqual([]);
  });

  test("reports a new life that uses the id at its position again", async () => {
    // First with the only entry replaced by one that differs only in its payload.
    tail.watch("one", FIRST_ID);
    await passes("one", "5-0");
    await redisDoes("EVAL", remake, 1, "one", "y", "5-0");
    await settled();
    await passes("one", "6-0");
    // Then with fewer entries, none of them newer; and with a newer one.
    tail.watch("s", FIRST_ID);
    for (const entry of ["1-0", "2-0", "3-0"]) await passes("s", entry);
    await redisDoes("EVAL", remake, 1, "s", "y", "3-0");
    await settled();
    await passes("s", "4-0");
    await redisDoes("EVAL", remake, 1, "s", "z", "4-0", "5-0");
    await arrives("s", "5-0");
    const lives = (key: string) =>
      restarted.filter((one) => one === key).length +
      reads.filter((read) => read.key === key && read.isNewLife).length;
    expect([lives("one"), lives("s")]).toEqual([1, 2]);
    // A similar stream is not reported as a new life.
    await redisDoes("XDEL", "s", "5-0");
    await settled();
    await redisDoes("EXPIRE", "s", 1000);
    await passes("s", "7-0");
    expect(lives("s")).toBe(2);
  });

  /** Whether the tail has reported a new life of the stream. */
  const isNewLife = (key: string) =>
    restarted.includes(key) || reads.some((read) => read.key === key && read.isNewLife);

  test.each([
    { before: ["5-0"], now: ["3-0"] },
    { before: ["5-0"], now: ["3-0", "4-0"] },
    { before: ["1-0", "5-0"], now: ["2-0", "4-0"] },
    { before: ["1-0", "5-0"], now: ["1-0", "2-0", "3-0"] },
  ])("reports a new life of $now after $before, as by DEL and RENAME", async ({ before, now }) => {
    tail.watch("s", FIRST_ID);
    for (const entry of before) await passes("s", entry);
    await redisDoes("EVAL", remake, 1, "s", "x", ...now);
    // A blocking tail notices it with the next entry.
    await settled();
    await passes("s", "6-0");
    expect(isNewLife("s")).toBe(true);
    await passes("s", "7-0");
    expect(restarted.length + reads.filter((read) => read.isNewLife).length).toBe(1);
  });

  test("reports a new life also after the first read, which waits for the connection", async () => {
    tail.watch("s", FIRST_ID);
    // At once, before the tail reads the stream again because the connection is ready.
    const remade = new Promise<unknown>((resolve) => {
      onDelivered = () => resolve(redisDoes("EVAL", remake, 1, "s", "x", "3-0", "4-0"));
    });
    await redisDoes("XADD", "s", "5-0", "d", "x");
    await remade;
    onDelivered = () => undefined;
    await settled();
    await redisDoes("XADD", "s", "6-0", "d", "x");
    await arrives("s", "6-0");
    expect(isNewLife("s")).toBe(true);
  });

  test("does not report a new life if the entry at its position is deleted", async () => {
    tail.watch("s", FIRST_ID);
    for (const entry of ["1-0", "2-0", "3-0"]) await passes("s", entry);
    await redisDoes("XDEL", "s", "3-0");
    await settled();
    await passes("s", "4-0");
    await redisDoes("XDEL", "s", "1-0", "4-0");
    await passes("s", "5-0");
    await redisDoes("XTRIM", "s", "MAXLEN", 0);
    await passes("s", "6-0");
    expect(isNewLife("s")).toBe(false);
  });

  test("reports a new life if the stream never had the entry after which it is watched, which has just been read", async () => {
    for (const key of ["other", "unknown", "deleted"])
      for (const entry of ["3-0", "6-0"]) await redisDoes("XADD", key, entry, "d", "x");
    await redisDoes("XADD", "deleted", "7-0", "d", "x");
    await redisDoes("XDEL", "deleted", "7-0");
    tail.watch("other", id("5-0"), true);
    tail.watch("unknown", id("5-0"));
    tail.watch("deleted", id("5-0"), true);
    for (const key of ["other", "unknown", "deleted"]) await arrives(key, "6-0");
    expect(["other", "unknown", "deleted"].filter(isNewLife)).toEqual(["other"]);
  });

  test("compares ids as 64-bit numbers", async () => {
    tail.watch("s", FIRST_ID);
    for (const one of ["9-9", "9-10", "10-0", "18446744073709551615-18446744073709551615"])
      await passes("s", one);
    const ids = seen.get("s") ?? [];
    expect(ids.toSorted(compareIds)).toEqual(ids);
  });

  test("delivers nothing after close, and leaves no connection", async () => {
    tail.watch("s", FIRST_ID);
    await passes("s");
    tail.close();
    await add("s");
    await until("its connection is gone", async () => {
      return !String(await redisDoes("CLIENT", "LIST")).includes("redis-streamer:tail");
    });
    expect(seen.get("s")).toHaveLength(1);
    expect(counters.redisReconnects).toBe(0);
  });
}
