/**
 * The hand-over property: whatever is appended meanwhile, and however its sink fills and drains, what a reader saw is
 * exactly the stream after its cursor, in order and without repeats.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WantedCursor } from "../../src/domain/cursor.ts";
import { compareIds, FIRST_ID } from "../../src/domain/entry-id.ts";
import { type Engine, openEngine } from "../support/engine.ts";
import { startReader, type TestReader } from "../support/reader.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { turns, until } from "../support/until.ts";
import { createWorld, type World } from "./world.ts";

let redis: TestRedis;
let runs = 0;

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
  { weight: 4, arbitrary: fc.record({ do: fc.constant("turn" as const), times: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("settle" as const), reader: anyReader }) },
);

type Happening = typeof happenings extends fc.Arbitrary<infer A> ? A : never;

async function happen(one: Happening, world: World, readers: TestReader[], engine: Engine): Promise<void> {
  const key = "stream" in one ? (world.keys[one.stream] ?? "") : "";
  const reader = "reader" in one ? readers[one.reader % Math.max(1, readers.length)] : undefined;
  switch (one.do) {
    case "append":
      world.append(key, one.entries, one.bytes);
      return;
    case "flood":
      world.append(key, 200, 20);
      return;
    case "join": {
      const streams = one.streams.map((i) => {
        const name = world.keys[i] ?? "";
        const all = world.appended(name);
        const place = one.from === "$" ? undefined : Math.ceil((one.from * all.length) / 100) - 1;
        const cursor: WantedCursor = place === undefined ? "$" : (all[place] ?? FIRST_ID);
        return { key: name, name, cursor };
      });
      const options = { streams, fullEvery: one.fullEvery, awaitsAck: one.turns?.awaitsAck ?? false };
      readers.push(
        await startReader(engine, one.turns === null ? options : { ...options, turns: one.turns }),
      );
      return;
    }
    case "block":
      reader?.block();
      return;
    case "drain":
      reader?.drain();
      return;
    case "go on":
      reader?.subscription.resume("ack");
      return;
    case "turn":
      await turns(one.times);
      return;
    case "settle":
      await world.settle();
      return;
    default:
      return one satisfies never;
  }
}

/** What a reader must have been sent of a stream in the end: all past its start, or with `latest` a part of it. */
function check(world: World, reader: TestReader, key: string): string | undefined {
  const start = reader.starts.get(key) ?? FIRST_ID;
  const all = world.appended(key).filter((id) => compareIds(id, start) > 0);
  const seen = reader.seen(key);
  if (reader.options.turns?.latest !== true) {
    return seen.join() === all.join()
      ? undefined
      : `${key}: saw ${seen.length} of ${all.length}, or in another order`;
  }
  const places = seen.map((id) => all.indexOf(id));
  if (places.some((place, i) => place <= (places[i - 1] ?? -1)))
    return `${key}: ${seen} is no part of the stream in order`;
  return seen.at(-1) === all.at(-1)
    ? undefined
    : `${key}: the newest seen is ${seen.at(-1)}, not ${all.at(-1)}`;
}

/** Lets every reader go on until it has all it is to have. @throws Error that says what is missing or too much */
async function finish(world: World, readers: readonly TestReader[]): Promise<void> {
  await world.settle();
  const wrong = () =>
    readers
      .flatMap((reader) => [...reader.starts.keys()].map((key) => check(world, reader, key)))
      .find(Boolean);
  await until(
    () => wrong() ?? "",
    () => {
      for (const reader of readers) {
        reader.drain();
        reader.subscription.resume("ack");
      }
      return wrong() === undefined;
    },
  );
  // Whatever would come twice has time to come.
  await turns(20);
  expect(wrong()).toBeUndefined();
  for (const reader of readers) {
    expect(reader.errors).toEqual([]);
    expect(reader.gaps()).toBe(0);
  }
}

test("a reader sees exactly the stream after its cursor, whatever pauses it and whoever appends", async () => {
  const scripts = fc.array(happenings, { minLength: 5, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(engineOptions, scripts, async (options, script) => {
      using engine = openEngine(redis.url, options);
      const run = runs++;
      const keys = Array.from({ length: STREAMS }, (_, i) => `hand-over-${run}-${i}`);
      const world = createWorld(redis.control, engine, keys);
      const readers: TestReader[] = [];
      try {
        for (const one of script) await happen(one, world, readers, engine);
        await finish(world, readers);
      } finally {
        for (const reader of readers) reader.subscription.close();
        await redis.control.call("DEL", ...keys);
      }
    }),
    { numRuns: 150, endOnFailure: true },
  );
}, 120_000);
