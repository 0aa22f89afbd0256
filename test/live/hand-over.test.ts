/**
 * The hand-over property (design.md, "The idea that everything follows from"): whatever is appended, trimmed or deleted
 * meanwhile, and however its sink fills and drains, what a reader saw is exactly the stream after its cursor, in order,
 * minus what was trimmed before it came; and then the gap is counted.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compareIds, type EntryId, FIRST_ID } from "../../src/domain/entry-id.ts";
import { openEngine } from "../support/engine.ts";
import { startReader, type TestReader } from "../support/reader.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { turns, until } from "../support/until.ts";
import { createWorld, type World } from "./world.ts";

let redis: TestRedis;
const runs = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const STREAMS = 3;
const stream = fc.nat(STREAMS - 1);
const anyReader = fc.nat(9);

const engineOptions = fc.record({
  tail: fc.constantFrom("tracking" as const, "blocking" as const),
  recentBytes: fc.constantFrom(0, 3000, 60_000, 16 * 2 ** 20),
  pageBytes: fc.constantFrom(100, 1024, 64 * 1024),
  pageCacheBytes: fc.constantFrom(0, 5000, 32 * 2 ** 20),
});

const join = fc.record({
  do: fc.constant("join" as const),
  streams: fc.uniqueArray(stream, { minLength: 1, maxLength: STREAMS }),
  /** A place in what was appended so far, in per cent; or from now. */
  from: fc.oneof(fc.constant("$" as const), fc.constant(0), fc.integer({ min: 1, max: 100 })),
  fullEvery: fc.constantFrom(0, 1, 2, 5),
  turns: fc.option(
    fc.record({ count: fc.constantFrom(1, 2, 7), latest: fc.boolean(), awaitsAck: fc.boolean() }),
  ),
});

const happenings = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      stream,
      entries: fc.integer({ min: 1, max: 40 }),
      bytes: fc.constantFrom(0, 10, 300, 20_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("flood" as const), stream }) },
  { weight: 4, arbitrary: join },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("block" as const), reader: anyReader }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("drain" as const), reader: anyReader }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("go on" as const), reader: anyReader }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), reader: anyReader }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("turn" as const), times: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("settle" as const), reader: anyReader }) },
);

const removals = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("burst" as const),
      stream,
      entries: fc.integer({ min: 1, max: 60 }),
      keep: fc.integer({ min: 2, max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("trim" as const), stream, keep: fc.integer({ min: 2, max: 20 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("delete newest" as const), stream }) },
);

type Happening = typeof happenings extends fc.Arbitrary<infer A> ? A : never;
type Removal = typeof removals extends fc.Arbitrary<infer A> ? A : never;

async function happen(
  one: Happening | Removal,
  world: World,
  readers: TestReader[],
  engine: Parameters<typeof startReader>[0],
) {
  const key = "stream" in one ? (world.keys[one.stream] ?? "") : "";
  const reader = "reader" in one ? readers[one.reader % Math.max(1, readers.length)] : undefined;
  switch (one.do) {
    case "append":
      return world.append(key, one.entries, one.bytes);
    case "flood":
      return world.append(key, 1500, 20);
    case "burst":
      return world.burst(key, one.entries, one.keep);
    case "trim":
      return world.trim(key, one.keep);
    case "delete newest":
      return world.deleteNewest(key);
    case "join": {
      const streams = one.streams.map((i) => {
        const name = world.keys[i] ?? "";
        const all = world.appended(name);
        const middle = typeof one.from === "number" ? all[Math.ceil((one.from * all.length) / 100) - 1] : "$";
        return { key: name, name, cursor: middle ?? FIRST_ID };
      });
      const { awaitsAck = false, ...turn } = one.turns ?? {};
      const options = { streams, fullEvery: one.fullEvery, awaitsAck };
      readers.push(
        await startReader(engine, one.turns === null ? options : { ...options, turns: { ...one.turns } }),
      );
      return;
    }
    case "block":
      return reader?.block();
    case "drain":
      return reader?.drain();
    case "go on":
      return reader?.subscription.resume("ack");
    case "leave":
      return reader?.subscription.close();
    case "turn":
      return turns(one.times);
    case "settle":
      await world.settle();
      return reader && expectNewestNext(world, reader);
    default:
      return one satisfies never;
  }
}
