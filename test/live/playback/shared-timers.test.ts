/** Shared timers of playbacks: callbacks of one tick use one timer of the event loop. */
import { expect, test } from "vitest";
import { createSharedTimers } from "../../../src/live/playback/shared-timers.ts";
import type { PlaybackTimer } from "../../../src/live/playback/timers.ts";
import { FakeTimers } from "./fake-timers.ts";

/** Creates shared timers, and the list of the callbacks that ran. */
function setUp() {
  const fake = new FakeTimers();
  const timers = createSharedTimers(fake);
  const called: string[] = [];
  const after = (ms: number, name: string) => timers.after(ms, () => called.push(`${name} at ${fake.now()}`));
  return { fake, timers, called, after };
}

test("callbacks that end in the same tick share a timer, and none is called early", () => {
  const { fake, called, after } = setUp();
  for (const ms of [10, 9, 9.5, 40]) after(ms, String(ms));
  expect(fake.size).toBe(1);
  fake.fireNext();
  expect(called).toEqual(["10 at 10", "9 at 10", "9.5 at 10"]);
  fake.fireNext();
  expect(called.at(-1)).toBe("40 at 40");
  expect(fake.size).toBe(0);
});

test("a callback that ends before all others has a new timer", () => {
  const { fake, called, after } = setUp();
  after(50, "late");
  after(10, "early");
  expect(fake.size).toBe(1);
  while (fake.fireNext());
  expect(called).toEqual(["early at 10", "late at 50"]);
});

test("a cancelled callback is not called, not even by another one of its tick", () => {
  const { fake, called, after, timers } = setUp();
  const cancelled: PlaybackTimer[] = [];
  timers.after(10, () => {
    for (const timer of cancelled) timer.cancel();
  });
  cancelled.push(after(10, "cancelled"), after(20, "cancelled"));
  after(20, "kept");
  while (fake.fireNext());
  expect(called).toEqual(["kept at 20"]);
});

test("a callback may add others, and the same one may be added twice", () => {
  const { fake, timers } = setUp();
  const times: number[] = [];
  const callback = () => {
    times.push(fake.now());
    if (times.length === 2) timers.after(30, callback);
  };
  timers.after(10, callback);
  timers.after(10, callback);
  while (fake.fireNext());
  expect(times).toEqual([10, 10, 40]);
});

test("a long wait has a timer of its own, which ends when it is cancelled", () => {
  const { fake, after } = setUp();
  const timer = after(3_600_000, "in an hour");
  expect(fake.size).toBe(1);
  timer.cancel();
  expect(fake.size).toBe(0);
});
