/** Clock of a replay. */
import { expect, test } from "vitest";
import { PlayClock } from "../../../src/recordings/play/play-clock.ts";

test("entries are due at the rate; a pause and a jump shift them", () => {
  let nowMs = 0;
  const clock = new PlayClock(2, 1_000, false, () => nowMs);
  expect(clock.delayMs(3_000)).toBe(1_000);
  nowMs = 500;
  expect([clock.positionMs, clock.delayMs(3_000)]).toEqual([2_000, 500]);
  clock.setPaused(true);
  nowMs = 10_000;
  expect([clock.positionMs, clock.delayMs(3_000)]).toEqual([2_000, undefined]);
  clock.setPaused(false);
  expect(clock.delayMs(3_000)).toBe(500);
  clock.jump(2_900);
  expect([clock.delayMs(3_000), clock.delayMs(0)]).toEqual([50, 0]);
});

test("at rate 0 all entries are due, and the position is that of the last one", () => {
  const clock = new PlayClock(0, 1_000, false, () => 0);
  expect(clock.delayMs(9e9)).toBe(0);
  clock.reached(5_000);
  expect(clock.positionMs).toBe(5_000);
});
