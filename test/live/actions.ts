/** Random events of the hand-over properties: their fast-check generators, and functions that execute them. */
import fc from "fast-check";
import type { RequestedCursor } from "../../src/domain/streams/cursor.ts";
import { FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import type { Engine } from "../support/gateway/engine.ts";
import { startReader, type TestReader } from "../support/gateway/reader.ts";
import { eventLoopTurns } from "../support/until.ts";
import type { Model } from "./model.ts";

/** Streams of one run. */
export const STREAMS = 3;

const stream = fc.nat(STREAMS - 1);
const anyReader = fc.nat(9);

/** Limits so small that every code path of the engine is used, and the default ones. */
export const engineOptions = fc.record({
  tail: fc.constantFrom("tracking" as const, "blocking" as const),
  recentBytes: fc.constantFrom(0, 3000, 60_000, 16 * 2 ** 20),
  pageBytes: fc.constantFrom(100, 1024, 64 * 1024),
  answerBytes: fc.constantFrom(200, 64 * 2 ** 20),
  pageCacheBytes: fc.constantFrom(0, 5000, 32 * 2 ** 20),
});

const join = fc.record({
  do: fc.constant("join" as const),
  streams: fc.uniqueArray(stream, { minLength: 1, maxLength: STREAMS }),
  /** A position in the appended entries, in percent; or "now". */
  from: fc.oneof(fc.constant("$" as const), fc.constant(0), fc.integer({ min: 1, max: 100 })),
  fullEvery: fc.constantFrom(0, 1, 2, 5),
  onDemand: fc.option(
    fc.record({ count: fc.constantFrom(1, 2, 7), latest: fc.boolean(), awaitsAck: fc.boolean() }),
  ),
});

/** Appends, and actions of readers and their sinks. */
export const actions = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      stream,
      entries: fc.integer({ min: 1, max: 40 }),
      bytes: fc.constantFrom(0, 10, 300, 20_000, 40_000),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append own" as const),
      stream,
      entries: fc.integer({ min: 1, max: 40 }),
      bytes: fc.constantFrom(0, 10, 300, 20_000, 40_000),
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

/** Failures of the engine. */
export const losses = fc.record({
  do: fc.constant("kill" as const),
  connection: fc.constantFrom("appends" as const, "tail" as const),
});

/** The server is killed and starts again. */
export const restarts = fc.constant({ do: "restart" as const });

/** Removals of entries. */
export const removals = fc.oneof(
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
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete newest" as const), stream }) },
);

type Made<T> = T extends fc.Arbitrary<infer A> ? A : never;

/** Limits of the engine in a run. */
export type EngineLimits = Made<typeof engineOptions>;

/** One random event. */
export type Action =
  | Made<typeof actions>
  | Made<typeof losses>
  | Made<typeof restarts>
  | Made<typeof removals>;

/** The readers of a run; readers that left are not checked afterwards. */
export interface Readers {
  readonly all: TestReader[];
  readonly gone: Set<TestReader>;
}

/** Executes an event. @returns the affected reader, if it exists */
export async function perform(
  one: Action,
  model: Model,
  readers: Readers,
  engine: Engine,
): Promise<TestReader | undefined> {
  const key = "stream" in one ? (model.keys[one.stream] ?? "") : "";
  const reader = "reader" in one ? readers.all[one.reader % Math.max(1, readers.all.length)] : undefined;
  switch (one.do) {
    case "append":
      model.append(key, one.entries, one.bytes);
      break;
    case "append own":
      model.appendOwn(key, one.entries, one.bytes);
      break;
    case "flood":
      model.append(key, 1200, 20);
      break;
    case "burst":
      model.burst(key, one.entries, one.keep);
      break;
    case "trim":
      model.trim(key, one.keep);
      break;
    case "delete newest":
      model.deleteNewest(key);
      break;
    case "kill":
      model.kill(one.connection);
      break;
    case "restart":
      await model.restart();
      break;
    case "join":
      readers.all.push(await startReader(engine, readerOptions(one, model)));
      break;
    case "block":
      reader?.block();
      break;
    case "drain":
      reader?.drain();
      break;
    case "go on":
      reader?.subscription.resume("pending-ack");
      break;
    case "leave":
      reader?.subscription.close();
      if (reader !== undefined) readers.gone.add(reader);
      break;
    case "turn":
      await eventLoopTurns(one.times);
      break;
    case "settle":
      await model.settle();
      break;
    default:
      return one satisfies never;
  }
  return reader;
}

function readerOptions({ streams, from, fullEvery, onDemand }: Made<typeof join>, model: Model) {
  const wanted = streams.map((i) => {
    const name = model.keys[i] ?? "";
    const all = model.appended(name);
    const position = from === "$" ? undefined : Math.ceil((from * all.length) / 100) - 1;
    const cursor: RequestedCursor = position === undefined ? "$" : (all[position] ?? FIRST_ID);
    return { key: name, name, cursor };
  });
  const options = { streams: wanted, fullEvery, awaitsAck: onDemand?.awaitsAck ?? false };
  return onDemand === null ? options : { ...options, onDemand };
}
