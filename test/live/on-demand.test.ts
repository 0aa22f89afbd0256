/**
 * Frames of readers with on-demand delivery: at most `count` entries of a stream, without gaps; with `latest` the newest
 * entries at the moment the reader is ready, in ascending order, and never a backlog (docs/protocol.md, "WebSocket pull").
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { type Engine, openEngine } from "../support/gateway/engine.ts";
import type { TestReader } from "../support/gateway/reader.ts";
import { startReader } from "../support/gateway/reader.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";
import { eventLoopTurns, until } from "../support/until.ts";
import { engineOptions } from "./actions.ts";
import { createModel, type Model } from "./model.ts";

let redis: TestRedis;
let runs = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** Checks that no frame exceeds its limit, has a gap, or with `latest` lacks existing entries. */
function expectFramesWithoutHoles(model: Model, { frames, options, starts }: TestReader): void {
  const { count = 0, latest = false } = options.onDemand ?? {};
  for (const key of starts.keys()) {
    const positions = new Map(model.appended(key).map((id, position) => [id, position]));
    const start = starts.get(key);
    let before = start === undefined ? -1 : (positions.get(start) ?? -1);
    for (const frame of frames) {
      const ids = frame
        .filter(({ stream }) => stream === key)
        .flatMap(({ entries }) => entries.map(({ id }) => id));
      if (ids.length === 0) continue;
      const at = ids.map((id) => positions.get(id) ?? Number.NaN);
      const [first = Number.NaN] = at;
      expect(at).toEqual(at.map((_, i) => first + i));
      expect(at.length).toBeLessThanOrEqual(count);
      if (latest && at.length === count) expect(first).toBeGreaterThan(before);
      else expect(first).toBe(before + 1);
      before = at.at(-1) ?? before;
    }
  }
}

/** Returns the next frame of a paused `latest` reader, if the tail has read everything. */
async function expectNewestNext(model: Model, { hub }: Engine, reader: TestReader): Promise<void> {
  const { count = 0 } = reader.options.onDemand ?? {};
  const cursors = reader.subscription.cursors();
  const due: { stream: string; ids: readonly string[] }[] = [];
  for (const [i, { key }] of reader.options.streams.entries()) {
    const cursor = cursors[i];
    const ids = cursor === undefined ? [] : await model.newest(key, cursor, count);
    if (ids.length > 0) due.push({ stream: key, ids });
  }
  // A late reply to another reader may have sent the tail back to that reader's cursor after the model had settled.
  const hasReadAll = () =>
    reader.options.streams.every(
      ({ key }, i) =>
        due.every(({ stream }) => stream !== key) ||
        hub.progress(key) === undefined ||
        !hub.isAtEnd(key, cursors[i] ?? FIRST_ID),
    );
  await until("the tail has read all entries again", hasReadAll);
  const before = reader.frames.length;
  reader.subscription.resume("pending-ack");
  if (due.length === 0) {
    await eventLoopTurns(10);
    expect(reader.frames.length).toBe(before);
    return;
  }
  await until("the next frame", () => reader.frames.length > before);
  const frame = reader.frames[before] ?? [];
  expect(frame.map(({ stream, entries }) => ({ stream, ids: entries.map(({ id }) => id) }))).toEqual(due);
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("append" as const),
        stream: fc.nat(1),
        entries: fc.integer({ min: 1, max: 12 }),
        bytes: fc.constantFrom(0, 300, 5000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("go on" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("settle" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("turn" as const) }) },
  ),
  { minLength: 5, maxLength: 40 },
);
const reading = fc.record({
  count: fc.constantFrom(1, 2, 5),
  latest: fc.boolean(),
  both: fc.boolean(),
  from: fc.constantFrom("$" as const, "0-0" as const),
});

test("sends the next entries in each frame, or with latest the newest when the reader is ready", async () => {
  await fc.assert(
    fc.asyncProperty(
      engineOptions,
      fc.array(reading, { minLength: 1, maxLength: 4 }),
      steps,
      async (options, readings, script) => {
        // The expected frame is computed from the appended entries.
        using engine = openEngine(redis.url, { ...options, answerBytes: 2 ** 26 });
        const run = runs++;
        const keys = [`on-demand-${run}-0`, `on-demand-${run}-1`];
        const model = createModel(redis, engine, keys);
        model.append(keys[0] ?? "", 7, 10);
        await model.settle();
        const readers: TestReader[] = [];
        try {
          for (const { both, from, ...onDemand } of readings) {
            const streams = keys
              .slice(0, both ? 2 : 1)
              .map((key) => ({ key, name: key, cursor: from as "$" }));
            readers.push(await startReader(engine, { streams, onDemand, fullEvery: 0, awaitsAck: true }));
          }
          for (const step of script) {
            if (step.do === "append") model.append(keys[step.stream] ?? "", step.entries, step.bytes);
            else if (step.do === "turn") await eventLoopTurns(2);
            else if (step.do === "go on")
              for (const { subscription } of readers) subscription.resume("pending-ack");
            else {
              await model.settle();
              for (const reader of readers)
                if (reader.options.onDemand?.latest && reader.subscription.isPaused())
                  await expectNewestNext(model, engine, reader);
            }
          }
          await model.settle();
          for (const reader of readers) reader.release();
          const last = (reader: TestReader) =>
            reader.options.streams.every(({ key }, i) => {
              const newest = model.appended(key).at(-1);
              return newest === undefined || newest === reader.subscription.cursors()[i];
            });
          await until("every reader receives the newest", () => readers.every(last));
          for (const reader of readers) expectFramesWithoutHoles(model, reader);
        } finally {
          for (const { subscription } of readers) subscription.close();
          await redis.control.call("DEL", ...keys);
        }
      },
    ),
    { numRuns: 100, endOnFailure: true },
  );
});
