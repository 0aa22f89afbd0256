/**
 * The hand-over property with trimming and deletion: a reader receives the stream after its cursor except entries removed
 * before it arrived, a gap is counted for trimmed entries, and no reader polls Redis for removed entries.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Gap } from "../../src/domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import { openEngine } from "../support/gateway/engine.ts";
import { entriesReceived, type TestReader } from "../support/gateway/reader.ts";
import { startRedis, type TestRedis } from "../support/redis/redis.ts";
import { eventLoopTurns, PROPERTY_MS, until, WITHOUT_PROGRESS_MS } from "../support/until.ts";
import {
  type Action,
  actions,
  type EngineLimits,
  engineOptions,
  perform,
  type Readers,
  removals,
  STREAMS,
} from "./actions.ts";
import { createModel, type Model } from "./model.ts";

let redis: TestRedis;
let runs = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

const ascend = (ids: readonly EntryId[]) =>
  ids.every((id, i) => i === 0 || compareIds(ids[i - 1] ?? id, id) < 0);

const isIn = ({ after, before }: Gap, id: EntryId) => compareIds(after, id) < 0 && compareIds(id, before) < 0;

/** Returns the errors in the received entries of a stream, given its final content. */
function wrongWith(model: Model, reader: TestReader, key: string, existing: ReadonlySet<EntryId>): string[] {
  const start = reader.starts.get(key) ?? FIRST_ID;
  const due = model.appended(key).filter((id) => compareIds(id, start) > 0);
  const seen = reader.seen(key);
  const known = new Set(due);
  const wrong: string[] = [];
  if (!ascend(seen)) wrong.push(`${key}: out of order or twice: ${seen}`);
  if (seen.some((id) => !known.has(id))) wrong.push(`${key}: saw what was never past its cursor: ${seen}`);
  if (reader.options.onDemand?.latest === true) {
    const newest = due.filter((id) => existing.has(id)).at(-1);
    if (newest !== undefined && compareIds(seen.at(-1) ?? FIRST_ID, newest) < 0)
      wrong.push(`${key}: did not see the newest, ${newest}`);
    return wrong;
  }
  const has = new Set(seen);
  const missed = due.filter((id) => !has.has(id));
  const lost = missed.filter((id) => existing.has(id));
  if (lost.length > 0) wrong.push(`${key}: did not see ${lost.length} that are there: ${lost.slice(0, 5)}`);
  // A reader from the beginning starts at the first existing entry, so earlier ones are not missing.
  const from = start === FIRST_ID ? seen[0] : start;
  const trimmed = missed.filter(
    (id) => from !== undefined && compareIds(id, from) > 0 && !model.deleted.has(id),
  );
  const unreported = trimmed.filter(
    (id) => !reader.reportedGaps.some((gap) => gap.stream === key && isIn(gap, id)),
  );
  // Entries removed after the last received one are reported before the next one.
  const last = seen.at(-1);
  if (unreported.some((id) => last !== undefined && compareIds(id, last) < 0))
    wrong.push(
      `${key}: ${unreported.length} were trimmed and no gap was reported: ${unreported.slice(0, 5)}`,
    );
  if (reader.reportedGaps.some((gap) => gap.stream === key && seen.some((id) => isIn(gap, id))))
    wrong.push(`${key}: a reported gap contains received entries`);
  return wrong;
}

/** Resumes every reader until it has all entries. @throws Error that lists missing and extra entries */
async function finish(model: Model, { all, gone }: Readers): Promise<void> {
  await model.settle();
  const existing = new Map<string, ReadonlySet<EntryId>>();
  for (const key of model.keys) existing.set(key, new Set(await model.existing(key)));
  const staying = all.filter((reader) => !gone.has(reader));
  const wrong = () =>
    staying.flatMap((reader) =>
      [...reader.starts.keys()].flatMap((key) =>
        wrongWith(model, reader, key, existing.get(key) ?? new Set()),
      ),
    );
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
}

/** Counts the commands of all clients that Redis executes during a fixed number of own commands. */
async function commandsOfQuiet(): Promise<number> {
  const processed = async () => {
    const info = String(await redis.control.call("INFO", "stats"));
    return Number(/total_commands_processed:(\d+)/.exec(info)?.[1]);
  };
  const before = await processed();
  for (let i = 0; i < 20; i++) await redis.control.call("PING");
  return (await processed()) - before;
}

/**
 * A reader arrives while the tail, which started at the beginning of the stream for another reader, has not read the entries
 * before its cursor; then those after it are trimmed. The tail is late because it reconnects, in most runs.
 */
const BEHIND: [EngineLimits, Action[]] = [
  { tail: "blocking", recentBytes: 3000, pageBytes: 65_536, answerBytes: 200, pageCacheBytes: 5000 },
  [
    {
      ...{ do: "join", streams: [0, 1], from: "$", fullEvery: 2 },
      onDemand: { count: 7, latest: true, awaitsAck: false },
    },
    { do: "kill", connection: "tail" },
    { do: "burst", stream: 0, entries: 9, keep: 6 },
    { do: "join", streams: [0, 2, 1], from: "$", fullEvery: 5, onDemand: null },
    { do: "burst", stream: 0, entries: 30, keep: 4 },
  ],
];

test("delivers every entry that existed when the reader arrived, and reports gaps", {
  timeout: PROPERTY_MS,
}, async () => {
  const script = fc.array(
    fc.oneof({ weight: 3, arbitrary: actions as fc.Arbitrary<Action> }, { weight: 1, arbitrary: removals }),
    { minLength: 5, maxLength: 50 },
  );
  await fc.assert(
    fc.asyncProperty(engineOptions, script, async (options, performed) => {
      using engine = openEngine(redis.url, options);
      const run = runs++;
      const keys = Array.from({ length: STREAMS }, (_, i) => `removals-${run}-${i}`);
      const model = createModel(redis, engine, keys);
      const readers: Readers = { all: [], gone: new Set() };
      try {
        for (const one of performed) await perform(one, model, readers, engine);
        await finish(model, readers);
        // Live readers receive the next entries; until then no reader sends a command.
        await until("nothing is read again and again", async () => (await commandsOfQuiet()) < 35);
        for (const key of keys) model.append(key, 2, 10);
        await finish(model, readers);
      } finally {
        for (const { subscription } of readers.all) subscription.close();
        await redis.control.call("DEL", ...keys);
      }
    }),
    { numRuns: 115, endOnFailure: true, examples: Array(15).fill(BEHIND) },
  );
});
