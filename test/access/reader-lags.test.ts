import { expect, test } from "vitest";
import { type Bounds, lagsOf } from "../../src/access/reader-lags.ts";
import { createTurns } from "../../src/domain/scheduling/turns.ts";
import type { EntryId } from "../../src/domain/streams/entry-id.ts";

const id = (ms: number) => `${ms}-0` as EntryId;
const position = (key: string, ms: number) => ({ key, cursor: id(ms) });
const session = (...behind: (readonly ReturnType<typeof position>[] | undefined)[]) => ({
  readers: new Set(behind.map((positions) => ({ behind: () => positions }))),
});
const { slices } = createTurns();
const BOUNDS = new Map<string, Bounds>([
  ["a", { first: id(1000), last: id(9000) }],
  ["b", { first: id(1000), last: id(4000) }],
]);

test("is the largest lag of the streams of all readers of a connection", async () => {
  const requested: string[][] = [];
  const lags = await lagsOf(
    [
      session([position("b", 3000), position("a", 7000)], undefined, []),
      session([position("a", 8500)], [position("b", 3800)]),
    ],
    async (keys) => {
      requested.push([...keys]);
      return BOUNDS;
    },
    slices,
  );
  expect(lags).toEqual([2000, 500]);
  expect(requested).toEqual([["b", "a"]]);
});

test("counts from the first entry if none was sent; is never negative; ignores a deleted stream", async () => {
  const behind = [position("a", 0), position("a", 500), position("a", 9500), position("deleted", 5)];
  expect(
    await lagsOf(
      behind.map((one) => session([one])),
      async () => BOUNDS,
      slices,
    ),
  ).toEqual([8000, 8000, 0, 0]);
});

test("reads nothing from Redis for readers at the end, and is unknown if Redis does not reply", async () => {
  const sessions = [session(), session(undefined), session([], undefined)];
  const never = () => Promise.reject(new Error("unexpected read"));
  expect(await lagsOf(sessions, never, slices)).toEqual([undefined, undefined, 0]);
  const more = [...sessions, session([position("a", 1)])];
  expect(await lagsOf(more, async () => undefined, slices)).toEqual([undefined, undefined, 0, undefined]);
});
