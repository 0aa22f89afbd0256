import { beforeEach, expect, test } from "vitest";
import type { Entry } from "../../../src/domain/entry.ts";
import { type EntryId, FIRST_ID, parseId } from "../../../src/domain/entry-id.ts";
import { createEcho, type Echo, type Watch } from "../../../src/redis/append/loopback.ts";

let echo: Echo;
let told: string[];
let isUsed: boolean;

beforeEach(() => {
  echo = createEcho();
  told = [];
  isUsed = true;
  echo.listen({
    echoed(key, after, entries) {
      told.push(`${key} ${after}: ${entries.map(({ id }) => id).join(" ")}`);
      return isUsed;
    },
    disturbed: (key) => void told.push(`${key} disturbed`),
  });
});

const id = (text: string): EntryId => parseId(text) ?? FIRST_ID;
const entries = (...ids: readonly string[]): Entry[] =>
  ids.map((one) => ({ id: id(one), data: new Uint8Array(1) }));
const watchOf = (key: string): Watch => echo.watchOf(key) ?? Symbol("none");
const stored = (key: string, ...ids: readonly string[]) => echo.stored(key, watchOf(key), entries(...ids));

test("what is not watched is not echoed", () => {
  expect(stored("s", "1-0")).toBe(false);
  expect(stored("s", "2-0")).toBe(false);
  expect(echo.endOf("s")).toBeUndefined();
  expect(told).toEqual([]);
});

test("the first entries are not echoed, for nobody knows what they follow; the next ones are", () => {
  echo.watch("s");
  expect(stored("s", "1-0", "2-0")).toBe(false);
  expect(echo.endOf("s")).toBe("2-0");
  expect(stored("s", "3-0", "4-0")).toBe(true);
  isUsed = false;
  expect(stored("s", "5-0")).toBe(false);
  expect(told).toEqual(["s 2-0: 3-0 4-0", "s 4-0: 5-0"]);
});

test("a foreign change is told once, and breaks the run", () => {
  echo.watch("s");
  echo.disturb("s");
  stored("s", "1-0");
  echo.disturb("s");
  echo.disturb("s");
  expect(echo.endOf("s")).toBeUndefined();
  stored("s", "3-0");
  stored("s", "4-0");
  expect(told).toEqual(["s disturbed", "s 3-0: 4-0"]);
});

test("a flush or a lost connection disturbs every stream with a run", () => {
  for (const key of ["a", "b", "c"]) echo.watch(key);
  stored("a", "1-0");
  stored("b", "1-0");
  echo.disturbAll();
  echo.disturbAll();
  expect(told).toEqual(["a disturbed", "b disturbed"]);
});

test("of a watch that is over nothing is echoed, also when there is another: own entries may stand between", () => {
  echo.watch("s");
  const before = watchOf("s");
  stored("s", "1-0");
  // To watch a stream that is watched changes nothing.
  echo.watch("s");
  expect(watchOf("s")).toBe(before);
  echo.unwatch("s");
  expect(echo.stored("s", before, entries("2-0"))).toBe(false);
  // 3-0 is appended without a transaction: nobody watches.
  echo.watch("s");
  expect(echo.stored("s", before, entries("2-0"))).toBe(false);
  expect(stored("s", "4-0")).toBe(false);
  expect(stored("s", "5-0")).toBe(true);
  expect(told).toEqual(["s 4-0: 5-0"]);
});

test("entries that do not follow what was stored last are not echoed: the stream is another one by now", () => {
  echo.watch("s");
  stored("s", "9-0");
  expect(stored("s", "1-0")).toBe(false);
  expect(stored("s", "2-0")).toBe(true);
  expect(told).toEqual(["s 1-0: 2-0"]);
});

test("when nobody listens any more nothing is watched", () => {
  echo.watch("s");
  stored("s", "1-0");
  echo.listen(undefined);
  expect(echo.watchOf("s")).toBeUndefined();
  expect(echo.endOf("s")).toBeUndefined();
});
