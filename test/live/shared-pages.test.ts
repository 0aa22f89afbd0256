/** Readers of the same stream that catch up: how many pages they read. */
import { afterEach, expect, test } from "vitest";
import { createMemoryBudget } from "../../src/access/limits/memory-budget.ts";
import { FIRST_ID, idAtTime } from "../../src/domain/streams/entry-id.ts";
import type { ReaderOptions, TestReader } from "../support/gateway/reader.ts";
import { until } from "../support/until.ts";
import { type EngineWithReaders, openReaders } from "./readers.ts";

const ENTRIES = 2000;
const PAYLOAD_BYTES = 100;
const PAGE_BYTES = 10_000;
/** Enough for the frames of all pages, but not for all entries. */
const FRAMES_ONLY_BYTES = 2 * ENTRIES * PAYLOAD_BYTES;

let opened: EngineWithReaders;

async function open(pageCacheBytes: number): Promise<void> {
  const bytes = { recentBytes: 0, pageBytes: PAGE_BYTES, pageCacheBytes, answerBytes: 2 ** 20 };
  opened = await openReaders(FIRST_ID, bytes);
  const data = "x".repeat(PAYLOAD_BYTES);
  const { control } = opened.redis;
  await Promise.all(
    Array.from({ length: ENTRIES }, (_, i) => control.call("XADD", "s", `${i + 1}-0`, "d", data)),
  );
}
afterEach(() => opened[Symbol.asyncDispose]());

/** Reads from after an entry, given by its number. */
const readAfter = (entry: number, options: Partial<ReaderOptions> = {}): Promise<TestReader> =>
  opened.read({ streams: [{ key: "s", name: "s", cursor: idAtTime(entry) }], ...options });

/** Expects that a reader receives all entries after one. */
async function expectAll(reader: TestReader, after = 0): Promise<void> {
  const ids = Array.from({ length: ENTRIES - after }, (_, i) => idAtTime(after + i + 1));
  await until(
    () => `${reader.seen("s").length} of ${ids.length} entries`,
    () => reader.seen("s").length >= ids.length,
  );
  expect(reader.seen("s")).toEqual(ids);
  expect(reader.gaps()).toBe(0);
}

const pagesRead = () => opened.engine.counters.pagesRead;

test("shares pages with readers that start after the first one has read all", async () => {
  await open(FRAMES_ONLY_BYTES);
  await expectAll(await readAfter(0));
  const pages = pagesRead();
  expect(pages).toBeGreaterThan(20);
  for (let i = 0; i < 3; i++) await expectAll(await readAfter(0));
  // The last page is not kept, because it is soon out of date.
  expect(pagesRead()).toBeLessThanOrEqual(pages + 2 * 3);
  expect(opened.engine.counters.pageCacheBytes).toBeGreaterThan(ENTRIES * PAYLOAD_BYTES);
  expect(opened.engine.counters.pageCacheBytes).toBeLessThanOrEqual(FRAMES_ONLY_BYTES);
});

test("readers of a client hold the memory of a page once if all of them need it", async () => {
  await open(0);
  // Room for two pages of the size that is assumed for a stream that was not read before.
  const totalBytes = 32 * PAGE_BYTES;
  const bounds = { totalBytes, shareBytes: totalBytes, smallBytes: 0 };
  const budget = createMemoryBudget({ uses: ["answer"], ...bounds, waitMs: 1000 });
  const readers = await Promise.all(
    Array.from({ length: 50 }, () => readAfter(0, { memory: budget.open("answer", "client") })),
  );
  await Promise.all(readers.map((reader) => expectAll(reader)));
  expect(budget.counts.answer.waits).toBe(0);
  // The read of the end holds some, too.
  await until("no memory is held", () => budget.heldBytes() === 0);
  // All have read the same pages together, and in the end one without entries.
  expect(pagesRead()).toBeLessThanOrEqual((readers[0]?.frames.length ?? 0) + 1);
});

test("readers of several streams make progress with the memory of two pages", async () => {
  await open(2 ** 24);
  const { control } = opened.redis;
  const keys = ["a", "b", "c"];
  const entries = Array.from({ length: 30 }, (_, i) => idAtTime(i + 1));
  for (const key of keys)
    for (const id of entries) await control.call("XADD", key, id, "d", "x".repeat(100_000));
  const totalBytes = 250_000;
  const bounds = { totalBytes, shareBytes: totalBytes, smallBytes: 1000 };
  const budget = createMemoryBudget({ uses: ["answer"], ...bounds, waitMs: 1000 });
  const streams = keys.map((key) => ({ key, name: key, cursor: FIRST_ID }));
  const readers = await Promise.all(
    Array.from({ length: 6 }, () => opened.read({ streams, memory: budget.open("answer", "client") })),
  );
  for (const reader of readers)
    for (const key of keys) await until("it has all", () => reader.seen(key).length === entries.length);
  // Each wait leads to a read.
  expect(budget.counts.answer.waits).toBeLessThanOrEqual(pagesRead());
  // The read of the end holds some, too.
  await until("no memory is held", () => budget.heldBytes() === 0);
});

test("a reader gets no pages of before a deletion that other readers have noticed", async () => {
  await open(FRAMES_ONLY_BYTES);
  const live = await readAfter(0);
  await expectAll(live);
  const { control } = opened.redis;
  const ids = [idAtTime(ENTRIES + 1), idAtTime(ENTRIES + 2)];
  await control.transact([["DEL", "s"], ...ids.map((id) => ["XADD", "s", id, "d", "x"])], () => undefined);
  await until("the new entries", () => live.seen("s").at(-1) === ids[1]);
  const late = await readAfter(0);
  await until("the new entries", () => late.seen("s").at(-1) === ids[1]);
  expect(late.seen("s")).toEqual(ids);
});
