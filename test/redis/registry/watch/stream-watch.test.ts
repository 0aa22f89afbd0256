/**
 * The set of streams that a watch reports equals the streams that exist, whichever client creates and removes them, with every way
 * in which Redis reports changes.
 */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTurns } from "../../../../src/domain/scheduling/turns.ts";
import { createCounters } from "../../../../src/observe/counters.ts";
import { parseClusterUrl } from "../../../../src/redis/address/cluster-url.ts";
import { parseRedisUrl } from "../../../../src/redis/address/redis-url.ts";
import { openClusterStore } from "../../../../src/redis/cluster-store.ts";
import { createEntrySizes } from "../../../../src/redis/read/entry-sizes.ts";
import { StreamWatch } from "../../../../src/redis/registry/watch/stream-watch.ts";
import { openSingleStore } from "../../../../src/redis/single-store.ts";
import type { Store } from "../../../../src/redis/store.ts";
import { startCluster, type TestCluster } from "../../../support/redis/cluster.ts";
import { killConnections, silent, startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

const parts = () => ({
  readsReplicas: false,
  waitMs: 10_000,
  leaseMs: 30_000,
  streamMaxLength: 0,
  sizes: createEntrySizes(),
  counters: createCounters(),
  logger: silent,
});

const openSingle = (url: string): Store =>
  openSingleStore({ ...parts(), address: parseRedisUrl(url), tailMode: "auto", pollCacheBytes: 0 });

/** A watch, and the set of streams that one of its listeners knows. */
class View {
  readonly known = new Set<string>();
  readonly appeared: string[] = [];
  initial: readonly string[] = [];
  stop: () => void = () => undefined;

  static async open(watch: StreamWatch, prefixes: readonly string[]): Promise<View> {
    const view = new View();
    const { keys, stop } = await watch.watch(prefixes, {
      appeared(key) {
        view.appeared.push(key);
        view.known.add(key);
      },
      vanished: (key) => void view.known.delete(key),
    });
    for (const key of keys) view.known.add(key);
    view.initial = keys;
    view.stop = stop;
    return view;
  }
}

type Do = (...command: (string | number)[]) => Promise<unknown>;

const KEYS = ["rover:a", "rover:b", "rover:c", "mast:a"] as const;
const key = fc.constantFrom(...KEYS);

/** Changes by a native client, and requests that begin to watch. None of them waits for the previous one. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("add" as const), key }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("delete" as const), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("rename" as const), key, to: key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("set" as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("expire" as const), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("watch" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const) }) },
);

interface World {
  readonly do: Do;
  readonly store: () => Store;
  readonly kill: () => Promise<unknown>;
}

const openWatch = (store: Store) =>
  new StreamWatch({
    open: store.openKeyEvents,
    maxKeyBytes: 1000,
    workSlices: createTurns().slices,
    logger: silent,
  });

/** Runs random steps, and compares each view with the streams that exist afterwards. */
async function check({ do: run, store: openStore, kill }: World, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      const store = openStore();
      const watch = openWatch(store);
      const pending: Promise<unknown>[] = [];
      const views: Promise<View>[] = [];
      const attempt = (...command: (string | number)[]) =>
        pending.push(run(...command).catch(() => undefined));
      try {
        for (const one of steps) {
          if (one.do === "add") attempt("XADD", one.key, "*", "d", "x");
          else if (one.do === "delete") attempt("DEL", one.key);
          else if (one.do === "rename") attempt("RENAME", one.key, one.to);
          else if (one.do === "set") attempt("SET", one.key, "text", "NX");
          else if (one.do === "expire") attempt("PEXPIRE", one.key, 5);
          else if (one.do === "watch") views.push(View.open(watch, ["rover:"]));
          else if (one.do === "kill") pending.push(kill());
          else await Promise.all(pending);
        }
        views.push(View.open(watch, ["rover:"]));
        await Promise.all(pending);
        const all = await Promise.all(views);
        const existing: string[] = [];
        for (const one of KEYS)
          if (one.startsWith("rover:") && String(await run("TYPE", one)) === "stream") existing.push(one);
        await until(
          () => `${all.map(({ known }) => [...known].sort()).join(" | ")} instead of ${existing}`,
          () => all.every(({ known }) => [...known].sort().join() === existing.join()),
        );
      } finally {
        await Promise.allSettled([...pending, ...views]);
        watch.close();
        store.close();
        for (const one of KEYS) await run("DEL", one);
      }
    }),
    { numRuns: runs, endOnFailure: true },
  );
}

describe.each([
  ["keyspace events", ["--notify-keyspace-events", "Kgxen"]],
  ["keyspace events of created keys only", ["--notify-keyspace-events", "Kn"]],
  ["tracking", []],
])("with %s", (_name, args) => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis(...args);
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  test("every view becomes the set of streams that exist", async () => {
    await check(
      {
        do: (...command) => redis.control.call(...command),
        store: () => openSingle(redis.url),
        kill: () => killConnections(redis, "watch"),
      },
      args[1] === "Kn" ? 10 : 60,
    );
  });

  test("streams that exist before the request do not appear later", async () => {
    const store = openSingle(redis.url);
    const watch = openWatch(store);
    for (let i = 0; i < 20; i++) {
      await redis.control.call("XADD", `rover:${i}`, "*", "d", "x");
      const view = await View.open(watch, ["rover:"]);
      expect(view.initial.includes(`rover:${i}`)).toBe(true);
      expect(view.appeared).toEqual([]);
      view.stop();
    }
    watch.close();
    store.close();
    await redis.control.call("FLUSHDB");
  });

  test("reports own appends at once, and a flush", async () => {
    const store = openSingle(redis.url);
    const watch = openWatch(store);
    const view = await View.open(watch, ["rover:"]);
    await redis.control.call("XADD", "rover:own", "*", "d", "x");
    watch.stored("rover:own");
    expect(view.appeared).toEqual(["rover:own"]);
    await redis.control.call("FLUSHDB");
    await until("the stream vanishes", () => !view.known.has("rover:own"));
    watch.close();
    store.close();
  });
});

test.concurrent("follows a change of the configuration", async () => {
  await using redis = await startRedis("--notify-keyspace-events", "Kgxen");
  const store = openSingle(redis.url);
  const watch = openWatch(store);
  const view = await View.open(watch, ["rover:"]);
  await redis.control.call("CONFIG", "SET", "notify-keyspace-events", "");
  await redis.control.call("XADD", "rover:a", "*", "d", "x");
  await until("the stream appears", () => view.known.has("rover:a"), 20_000);
  watch.close();
  store.close();
});

test.concurrent("scans a server that permits neither events nor tracking", async () => {
  await using redis = await startRedis();
  const user = ["ON", ">pw", "~*", "resetchannels", "+@all", "-psubscribe", "-config", "-client|tracking"];
  await redis.control.call("ACL", "SETUSER", "narrow", ...user);
  const store = openSingle(redis.url.replace("redis://", "redis://narrow:pw@"));
  const watch = openWatch(store);
  const view = await View.open(watch, ["rover:"]);
  await redis.control.call("XADD", "rover:a", "*", "d", "x");
  await until("the stream appears", () => view.known.has("rover:a"));
  const later = await View.open(watch, ["rover:"]);
  expect(later.initial).toEqual(["rover:a"]);
  await redis.control.call("DEL", "rover:a");
  await until("the stream vanishes", () => !view.known.has("rover:a"));
  watch.close();
  store.close();
});

test("watches hundreds of devices, each with its own streams", async () => {
  await using redis = await startRedis("--notify-keyspace-events", "Kgxen");
  const store = openSingle(redis.url);
  const watch = openWatch(store);
  const views = await Promise.all(Array.from({ length: 300 }, (_, i) => View.open(watch, [`device-${i}:`])));
  for (const i of [0, 63, 64, 65, 299]) await redis.control.call("XADD", `device-${i}:cam`, "*", "d", "x");
  await until("the streams appear", () => views.filter(({ known }) => known.size === 1).length === 5);
  expect([...(views[299]?.known ?? [])]).toEqual(["device-299:cam"]);
  watch.close();
  store.close();
});

test("rejects patterns with too many different prefixes, and accepts them again later", async () => {
  await using redis = await startRedis("--notify-keyspace-events", "Kgxen");
  const store = openSingle(redis.url);
  const watch = openWatch(store);
  const views = await Promise.all(Array.from({ length: 64 }, (_, i) => View.open(watch, [`no-device-${i}`])));
  await expect(View.open(watch, ["one-more"])).rejects.toMatchObject({ code: "OVERLOADED" });
  for (const { stop } of views) stop();
  // Prefixes without users make room.
  const view = await View.open(watch, ["one-more"]);
  await redis.control.call("XADD", "one-more-stream", "*", "d", "x");
  await until("the stream appears", () => view.known.has("one-more-stream"));
  watch.close();
  store.close();
});

describe.each([
  ["keyspace events", "Kgxen"],
  ["tracking", ""],
])("in a cluster with %s", (_name, flags) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster(3);
    for (const { control } of cluster.nodes)
      await control.call("CONFIG", "SET", "notify-keyspace-events", flags);
  }, 60_000);
  afterAll(() => cluster[Symbol.asyncDispose]());

  test("every view becomes the set of streams that exist", async () => {
    await check(
      {
        do: (...command) => cluster.do(...command),
        store: () => openClusterStore({ ...parts(), endpoint: parseClusterUrl(cluster.url, {}) }),
        kill: () => Promise.all(cluster.nodes.map((node) => killConnections(node, "watch"))),
      },
      10,
    );
  });
});
