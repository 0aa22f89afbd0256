import { beforeEach, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/streams/entry.ts";
import { type EntryId, FIRST_ID, parseId } from "../../../src/domain/streams/entry-id.ts";
import { createLoopback, type Loopback, type Watch } from "../../../src/redis/append/loopback.ts";

let loopback: Loopback;
let events: string[];
let isUsed: boolean;

beforeEach(() => {
  loopback = createLoopback();
  events = [];
  isUsed = true;
  loopback.listen({
    looped(key, after, entries) {
      events.push(`${key} ${after}: ${entries.map(({ id }) => id).join(" ")}`);
      return isUsed;
    },
    disturbed: (key) => void events.push(`${key} disturbed`),
  });
});

const id = (text: string): EntryId => parseId(text) ?? FIRST_ID;
const entries = (...ids: readonly string[]): Entry[] =>
  ids.map((one) => ({ id: id(one), data: new Uint8Array(1) }));
const watchOf = (key: string): Watch => loopback.watchOf(key) ?? Symbol("none");
const stored = (key: string, ...ids: readonly string[]) =>
  loopback.stored(key, watchOf(key), entries(...ids));

test("does not loop back entries of an unwatched stream", () => {
  expect(stored("s", "1-0")).toBe(false);
  expect(stored("s", "2-0")).toBe(false);
  expect(loopback.endOf("s")).toBeUndefined();
  expect(events).toEqual([]);
});

test("loops back all but the first entries, whose predecessor is unknown", () => {
  loopback.watch("s");
  expect(stored("s", "1-0", "2-0")).toBe(false);
  expect(loopback.endOf("s")).toBe("2-0");
  expect(stored("s", "3-0", "4-0")).toBe(true);
  isUsed = false;
  expect(stored("s", "5-0")).toBe(false);
  expect(events).toEqual(["s 2-0: 3-0 4-0", "s 4-0: 5-0"]);
});

test("a foreign change is events once, and breaks the run", () => {
  loopback.watch("s");
  loopback.disturb("s");
  stored("s", "1-0");
  loopback.disturb("s");
  loopback.disturb("s");
  expect(loopback.endOf("s")).toBeUndefined();
  stored("s", "3-0");
  stored("s", "4-0");
  expect(events).toEqual(["s disturbed", "s 3-0: 4-0"]);
});

test("a flush or a lost connection disturbs every stream with a run", () => {
  for (const key of ["a", "b", "c"]) loopback.watch(key);
  stored("a", "1-0");
  stored("b", "1-0");
  loopback.disturbAll();
  loopback.disturbAll();
  expect(events).toEqual(["a disturbed", "b disturbed"]);
});

test("does not loop back entries of an ended watch, even if the stream is watched again", () => {
  loopback.watch("s");
  const before = watchOf("s");
  stored("s", "1-0");
  // Watching a stream twice has no effect.
  loopback.watch("s");
  expect(watchOf("s")).toBe(before);
  loopback.unwatch("s");
  expect(loopback.stored("s", before, entries("2-0"))).toBe(false);
  // 3-0 is appended without a transaction, because the stream is not watched.
  loopback.watch("s");
  expect(loopback.stored("s", before, entries("2-0"))).toBe(false);
  expect(stored("s", "4-0")).toBe(false);
  expect(stored("s", "5-0")).toBe(true);
  expect(events).toEqual(["s 4-0: 5-0"]);
});

test("does not loop back entries below the last stored id: the stream was created again", () => {
  loopback.watch("s");
  stored("s", "9-0");
  expect(stored("s", "1-0")).toBe(false);
  expect(stored("s", "2-0")).toBe(true);
  expect(events).toEqual(["s 1-0: 2-0"]);
});

test("watches nothing without a listener", () => {
  loopback.watch("s");
  stored("s", "1-0");
  loopback.listen(undefined);
  expect(loopback.watchOf("s")).toBeUndefined();
  expect(loopback.endOf("s")).toBeUndefined();
});
