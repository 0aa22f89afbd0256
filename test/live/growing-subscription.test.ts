/**
 * Subscriptions that grow and shrink: a stream that is added at any moment delivers exactly what follows its cursor, in order
 * and once, also after it was removed before, while other streams, other readers and full sinks interfere. The
 * entries that a removed stream has delivered by then have no gap.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { openEngine } from "../support/gateway/engine.ts";
import { entriesReceived, startReader, type TestReader } from "../support/gateway/reader.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";
import { eventLoopTurns, PROPERTY_MS, until, WITHOUT_PROGRESS_MS } from "../support/until.ts";
import { engineOptions } from "./actions.ts";
import { createModel, type Model } from "./model.ts";

let redis: TestRedis;
let runs = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const STREAMS = 4;
const READERS = 3;
const stream = fc.nat(STREAMS - 1);
const reader = fc.nat(READERS - 1);

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      isOwn: fc.boolean(),
      stream,
      entries: fc.integer({ min: 1, max: 30 }),
      bytes: fc.constantFrom(1, 300, 40_000),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("add" as const), reader, stream }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("remove" as const), reader, stream }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("block" as const), reader }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("drain" as const), reader }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("acknowledge" as const), reader }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("turn" as const), times: fc.nat(4) }) },
);

const delivery = fc.record({
  fullEvery: fc.constantFrom(0, 1, 3),
  onDemand: fc.option(fc.record({ count: fc.constantFrom(1, 7), latest: fc.constant(false) })),
  awaitsAck: fc.boolean(),
});

/** A reader, and the names of its streams: another one each time that a stream is added. */
class GrowingReader {
  readonly #model: Model;
  readonly reader: TestReader;
  /** Current name of each stream that is read. */
  readonly #current = new Map<string, string>();
  readonly #removed: { readonly key: string; readonly name: string }[] = [];
  #additions = 0;

  constructor(model: Model, testReader: TestReader) {
    this.#model = model;
    this.reader = testReader;
  }

  add(key: string): void {
    if (this.#current.has(key)) return;
    const number = ++this.#additions;
    const name = `${key} #${number}`;
    this.#current.set(key, name);
    this.reader.subscription.add({ key, name, cursor: FIRST_ID, isAtEnd: false, birth: number });
  }

  remove(key: string): void {
    const name = this.#current.get(key);
    if (name === undefined) return;
    this.#current.delete(key);
    this.reader.subscription.remove(key);
    this.#removed.push({ key, name });
  }

  /** Problems of the entries received so far; empty when all streams are complete. */
  wrong(): readonly string[] {
    const incomplete = [...this.#current].filter(
      ([key, name]) => this.reader.seen(name).join() !== this.#model.appended(key).join(),
    );
    const broken = this.#removed.filter(({ key, name }) => {
      const seen = this.reader.seen(name);
      return seen.join() !== this.#model.appended(key).slice(0, seen.length).join();
    });
    return [
      ...incomplete.map(([key, name]) => {
        const [seen, all] = [this.reader.seen(name).length, this.#model.appended(key).length];
        return `${name}: ${seen} of ${all}, or in another order`;
      }),
      ...broken.map(({ name }) => `${name} has a gap`),
    ];
  }
}

test("delivers each added stream from its beginning, without a gap or a repeat", {
  timeout: PROPERTY_MS,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      engineOptions,
      fc.array(delivery, { minLength: READERS, maxLength: READERS }),
      fc.array(step, { minLength: 5, maxLength: 50 }),
      async (options, deliveries, steps) => {
        using engine = openEngine(redis.url, options);
        const run = runs++;
        const keys = Array.from({ length: STREAMS }, (_, i) => `growing-${run}-${i}`);
        const model = createModel(redis, engine, keys);
        const readers: GrowingReader[] = [];
        for (const { fullEvery, onDemand, awaitsAck } of deliveries) {
          const one = await startReader(engine, {
            ...{ streams: [], fullEvery, awaitsAck },
            ...(onDemand && { onDemand }),
          });
          readers.push(new GrowingReader(model, one));
        }
        try {
          for (const one of steps) {
            const key = "stream" in one ? (keys[one.stream] ?? "") : "";
            const growing = "reader" in one ? readers[one.reader] : undefined;
            if (one.do === "append")
              (one.isOwn ? model.appendOwn : model.append)(key, one.entries, one.bytes);
            else if (one.do === "add") growing?.add(key);
            else if (one.do === "remove") growing?.remove(key);
            else if (one.do === "block") growing?.reader.block();
            else if (one.do === "drain") growing?.reader.drain();
            else if (one.do === "acknowledge") growing?.reader.subscription.resume("pending-ack");
            else if (one.do === "turn") await eventLoopTurns(one.times);
          }
          await model.settle();
          for (const growing of readers) growing.reader.release();
          const wrong = () => readers.flatMap((growing) => growing.wrong());
          await until(
            () => wrong().join("; "),
            () => wrong().length === 0,
            WITHOUT_PROGRESS_MS,
            () => entriesReceived(readers.map(({ reader }) => reader)),
          );
          // Leaves time for duplicates to arrive.
          await eventLoopTurns(20);
          expect(wrong()).toEqual([]);
          expect(readers.flatMap((growing) => growing.reader.errors)).toEqual([]);
          expect(readers.map((growing) => growing.reader.gaps())).toEqual(readers.map(() => 0));
        } finally {
          for (const growing of readers) growing.reader.subscription.close();
          await redis.control.call("DEL", ...keys);
        }
      },
    ),
    { numRuns: 60, endOnFailure: true },
  );
});
