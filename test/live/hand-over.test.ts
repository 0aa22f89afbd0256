/**
 * The hand-over property: a reader receives exactly the stream after its cursor, in order and without repeats, in spite of
 * concurrent appends, other readers, a sink that fills and drains, and lost connections of the engine. With `latest` it
 * receives a subset of that, in order, which ends with the newest entry.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compareIds, FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { openEngine } from "../support/gateway/engine.ts";
import { entriesReceived, type TestReader } from "../support/gateway/reader.ts";
import { DURABLE, startRedis, type TestRedis } from "../support/redis/redis.ts";
import { eventLoopTurns, PROPERTY_MS, until, WITHOUT_PROGRESS_MS } from "../support/until.ts";
import {
  type Action,
  actions,
  type EngineLimits,
  engineOptions,
  losses,
  perform,
  type Readers,
  restarts,
  STREAMS,
} from "./actions.ts";
import { createModel, type Model } from "./model.ts";

let redis: TestRedis;
let runs = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** Returns the errors in the received entries of a stream. */
function wrongWith(model: Model, reader: TestReader, key: string): string | undefined {
  const start = reader.starts.get(key) ?? FIRST_ID;
  const all = model.appended(key).filter((id) => compareIds(id, start) > 0);
  const seen = reader.seen(key);
  if (reader.options.onDemand?.latest !== true) {
    const isAll = seen.length === all.length && seen.every((id, i) => id === all[i]);
    return isAll ? undefined : `${key}: saw ${seen.length} of ${all.length}, or in another order`;
  }
  const known = new Set(all);
  const ascends = seen.every((id, i) => i === 0 || compareIds(seen[i - 1] ?? id, id) < 0);
  if (!ascends || seen.some((id) => !known.has(id)))
    return `${key}: ${seen} is no part of the stream in order`;
  return seen.at(-1) === all.at(-1) ? undefined : `${key}: ends with ${seen.at(-1)}, not ${all.at(-1)}`;
}

/** Resumes every reader until it has all entries. @throws Error that lists missing and extra entries */
async function finish(model: Model, { all, gone }: Readers): Promise<void> {
  await model.settle();
  const staying = all.filter((reader) => !gone.has(reader));
  const wrong = () =>
    staying
      .flatMap((reader) => [...reader.starts.keys()].map((key) => wrongWith(model, reader, key)))
      .filter((one) => one !== undefined);
  for (const reader of staying) reader.release();
  await until(
    () => wrong().join("; "),
    () => wrong().length === 0,
    WITHOUT_PROGRESS_MS,
    () => entriesReceived(staying),
  );
  // Leaves time for duplicates to arrive.
  await eventLoopTurns(20);
  expect(wrong()).toEqual([]);
  expect(staying.flatMap(({ errors }) => errors)).toEqual([]);
  expect(staying.map((reader) => reader.gaps())).toEqual(staying.map(() => 0));
  expect(staying.map((reader) => reader.spoilt())).toEqual(staying.map(() => 0));
}

/** Executes a script with an engine, and checks the entries that its readers received. */
async function play(server: TestRedis, options: EngineLimits, performed: readonly Action[]): Promise<void> {
  using engine = openEngine(server.url, options);
  const run = runs++;
  const keys = Array.from({ length: STREAMS }, (_, i) => `hand-over-${run}-${i}`);
  const model = createModel(server, engine, keys);
  const readers: Readers = { all: [], gone: new Set() };
  try {
    for (const one of performed) await perform(one, model, readers, engine);
    await finish(model, readers);
    // Readers that have reached the end receive new entries.
    for (const key of keys) model.append(key, 2, 10);
    await finish(model, readers);
  } finally {
    for (const { subscription } of readers.all) subscription.close();
    await server.control.call("DEL", ...keys);
  }
}

test("delivers every entry after the cursor exactly once, in spite of pauses, other writers and lost connections", {
  timeout: PROPERTY_MS,
}, async () => {
  const step = fc.oneof({ weight: 40, arbitrary: actions }, { weight: 1, arbitrary: losses });
  const script = fc.array(step, { minLength: 5, maxLength: 50 });
  await fc.assert(
    fc.asyncProperty(engineOptions, script, (options, performed) => play(redis, options, performed)),
    { numRuns: 100, endOnFailure: true },
  );
});

test("delivers every entry after the cursor exactly once, although the server is killed and restarted", {
  timeout: PROPERTY_MS,
}, async () => {
  await using durable = await startRedis(...DURABLE);
  const step = fc.oneof({ weight: 20, arbitrary: actions }, { weight: 1, arbitrary: losses });
  const script = fc.array(step, { minLength: 5, maxLength: 20 });
  const scripts = fc.tuple(script, restarts, script, restarts, script).map((parts) => parts.flat());
  await fc.assert(
    fc.asyncProperty(engineOptions, scripts, (options, performed) => play(durable, options, performed)),
    { numRuns: 10, endOnFailure: true },
  );
});
