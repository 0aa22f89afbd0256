/** Large appends: the parts that are sent at a time, and their order. */
import { expect, test } from "vitest";
import type { NewEntry } from "../../../src/domain/streams/entry.ts";
import type { EntryId } from "../../../src/domain/streams/entry-id.ts";
import { isLargeAppend, LargeAppends } from "../../../src/redis/append/large-appends.ts";
import { eventLoopTurns } from "../../support/until.ts";

const MIB = 2 ** 20;

const entry = (key: string, bytes: number): NewEntry => ({ key, id: "*", data: Buffer.alloc(bytes) });
const entries = (key: string, count: number, bytes: number): readonly NewEntry[] =>
  Array.from({ length: count }, () => entry(key, bytes));

/** Appends that the test completes. */
function open() {
  const sent: { readonly key: string; readonly count: number; readonly end: () => void }[] = [];
  const large = new LargeAppends((part, done) => {
    const ids = part.map((_, i) => `${sent.length + 1}-${i}` as EntryId);
    sent.push({ key: part[0]?.key ?? "", count: part.length, end: () => done(ids, false) });
  });
  return { large, sent };
}

test("a batch is large from 1 MiB of payloads and fields", () => {
  expect(isLargeAppend(entries("a", 4, MIB / 4))).toBe(true);
  expect(isLargeAppend([entry("a", MIB - 1)])).toBe(false);
  expect(isLargeAppend([{ ...entry("a", MIB - 1), fields: new Map([["f", Buffer.alloc(1)]]) }])).toBe(true);
});

test("parts of 1 MiB are sent, 4 MiB at a time, and clients take turns", async () => {
  const { large, sent } = open();
  const first = large.store("a", entries("a", 12, MIB / 2));
  const second = large.store("b", entries("b", 2, MIB));
  await eventLoopTurns(1);
  expect(sent.map(({ key, count }) => `${count} ${key}`)).toEqual(["2 a", "2 a", "2 a", "2 a"]);
  for (let i = 0; i < 8; i++) {
    sent[i]?.end();
    await eventLoopTurns(1);
  }
  expect(sent.slice(4).map(({ key }) => key)).toEqual(["a", "b", "a", "b"]);
  expect(await first).toEqual([
    "1-0",
    "1-1",
    "2-0",
    "2-1",
    "3-0",
    "3-1",
    "4-0",
    "4-1",
    "5-0",
    "5-1",
    "7-0",
    "7-1",
  ]);
  expect(await second).toEqual(["6-0", "8-0"]);
});

test("an entry over the limit is sent alone", async () => {
  const { large, sent } = open();
  const results = Promise.all([
    large.store("a", [entry("a", 60 * MIB)]),
    large.store("b", [entry("b", MIB)]),
  ]);
  await eventLoopTurns(1);
  expect(sent.length).toBe(1);
  sent[0]?.end();
  await eventLoopTurns(1);
  sent[1]?.end();
  expect(await results).toEqual([["1-0"], ["2-0"]]);
});
