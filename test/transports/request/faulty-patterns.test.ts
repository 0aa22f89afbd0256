/** Requests with a pattern whose code throws an exception: they end, and others receive the streams that join and leave. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { ANYONE } from "../../../src/access/identity/authorize.ts";
import { createTurns } from "../../../src/domain/scheduling/turns.ts";
import { createCounters } from "../../../src/observe/counters.ts";
import { parseRedisUrl } from "../../../src/redis/address/redis-url.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { StreamWatch } from "../../../src/redis/registry/watch/stream-watch.ts";
import { openSingleStore } from "../../../src/redis/single-store.ts";
import type { Store } from "../../../src/redis/store.ts";
import { PatternStreams, type PatternStreamsHooks } from "../../../src/transports/request/pattern-streams.ts";
import { silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const counters = createCounters();
let redis: TestRedis;
let store: Store;
let streamWatch: StreamWatch;

beforeEach(async () => {
  counters.internalErrors = 0;
  redis = await startRedis();
  store = openSingleStore({
    ...{ address: parseRedisUrl(redis.url), tailMode: "auto", pollCacheBytes: 0, readsReplicas: false },
    ...{ waitMs: 10_000, leaseMs: 30_000, streamMaxLength: 0, sizes: createEntrySizes() },
    ...{ counters, logger: silent },
  });
  streamWatch = new StreamWatch({
    ...{ open: store.openKeyEvents, maxKeyBytes: 1000, workSlices: createTurns().slices, logger: silent },
  });
});
afterEach(async () => {
  streamWatch.close();
  store.close();
  await redis[Symbol.asyncDispose]();
});

async function open(hooks: Partial<PatternStreamsHooks> = {}) {
  const joined: string[] = [];
  const left: string[] = [];
  const errors: string[] = [];
  const streams = new PatternStreams({
    requested: {
      named: [],
      pattern: { prefixes: ["rover:"], select: (key) => ({ key, name: key, cursor: "$" }) },
    },
    ...{ streamWatch, workSlices: createTurns().slices, identity: ANYONE, maxStreams: 10 },
    observe: { counters, logger: silent },
  });
  await streams.open();
  streams.start({
    onJoin: ({ key }) => joined.push(key),
    onLeave: ({ key }) => left.push(key),
    onError: ({ code }) => errors.push(code),
    ...hooks,
  });
  return { streams, joined, left, errors };
}

const fault = () => {
  throw new Error("a fault of the request");
};

test.each(["onJoin", "onLeave"] as const)("a fault in %s ends the request alone", async (hook) => {
  const before = await open();
  const faulty = await open({ [hook]: fault });
  const after = await open();
  await redis.control.call("XADD", "rover:cam", "*", "d", "x");
  await until("it joins", () => before.joined.length === 1 && after.joined.length === 1);
  await redis.control.call("DEL", "rover:cam");
  await until("it leaves", () => before.left.length === 1 && after.left.length === 1);
  await redis.control.call("XADD", "rover:gps", "*", "d", "x");
  for (const { joined } of [before, after]) await until("another joins", () => joined.at(-1) === "rover:gps");
  expect(faulty.errors).toEqual(["INTERNAL"]);
  expect(faulty.joined).not.toContain("rover:gps");
  expect([...before.errors, ...after.errors]).toEqual([]);
  expect(counters.internalErrors).toBe(1);
  for (const { streams } of [before, faulty, after]) streams.close();
});
