/** Large entries: the hub frees their memory early, without an effect on readers. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type EntryId, FIRST_ID } from "../../src/domain/streams/entry-id.ts";
import type { Engine } from "../support/gateway/engine.ts";
import { SPOILT, type TestReader } from "../support/gateway/reader.ts";
import { until } from "../support/until.ts";
import { type EngineWithReaders, openReaders } from "./readers.ts";

const LARGE_BYTES = 100_000;

let opened: EngineWithReaders;
let engine: Engine;
let read: EngineWithReaders["read"];

beforeEach(async () => {
  opened = await openReaders("$", {
    recentBytes: 16 * 2 ** 20,
    pageBytes: 2 ** 20,
    pageCacheBytes: 0,
    answerBytes: 2 ** 26,
  });
  ({ engine, read } = opened);
});
afterEach(() => opened[Symbol.asyncDispose]());

/** Appends a large entry and overwrites its memory if it is unused. @returns its id, and whether it was kept */
const append = () =>
  new Promise<{ readonly id: EntryId; readonly isKept: boolean }>((resolve, reject) => {
    const data = Buffer.alloc(LARGE_BYTES, "o");
    engine.append([{ key: "s", id: "*", data }], ([id], isKept) => {
      if (!isKept) data.fill(SPOILT);
      if (typeof id === "string") resolve({ id, isKept });
      else reject(id);
    });
  });

const sees = (reader: TestReader, ids: readonly EntryId[]) =>
  until(
    () => `${reader.seen("s")} is ${ids}`,
    () => reader.seen("s").length >= ids.length && reader.seen("s").at(-1) === ids.at(-1),
  );

/** Appends until an entry is delivered by loopback; the tail reads the entries before it. */
async function untilEchoed(reader: TestReader): Promise<EntryId[]> {
  const ids: EntryId[] = [];
  for (let i = 0; i < 5; i++) {
    ids.push((await append()).id);
    await sees(reader, ids);
  }
  return ids;
}

test("frees the memory of a large entry after all readers have sent it", async () => {
  const reader = await read();
  const ids = await untilEchoed(reader);
  const readsBefore = engine.counters.tailReads;
  const { id, isKept } = await append();
  await sees(reader, [...ids, id]);
  expect(isKept).toBe(false);
  expect(engine.counters.tailReads).toBe(readsBefore);
  expect(reader.spoilt()).toBe(0);
});

test("keeps a large entry for a slow reader, unchanged", async () => {
  const [fast, slow] = [await read(), await read()];
  const ids = await untilEchoed(fast);
  slow.block();
  for (let i = 0; i < 5; i++) ids.push((await append()).id);
  slow.drain();
  for (const reader of [fast, slow]) {
    await sees(reader, ids);
    expect(reader.seen("s")).toEqual(ids);
    expect(reader.spoilt()).toBe(0);
  }
});

test("delivers an entry once that arrives while the only reader is paused", async () => {
  const reader = await read({ onDemand: { count: 10, latest: false }, awaitsAck: true });
  const ids = [(await append()).id];
  await sees(reader, ids);
  for (let i = 0; i < 5; i++) ids.push((await append()).id);
  await until("the tail has seen them", () => engine.hub.isAtEnd("s", ids.at(-1) ?? FIRST_ID));
  reader.release();
  await sees(reader, ids);
  expect(reader.seen("s")).toEqual(ids);
  expect(reader.spoilt()).toBe(0);
});
