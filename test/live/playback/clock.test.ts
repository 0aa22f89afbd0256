/** The virtual clock of a playback. */
import { expect, test } from "vitest";
import { PlaybackClock } from "../../../src/live/playback/clock.ts";

test("runs at its rate from where it was held", () => {
  const clock = new PlaybackClock(2, 1000);
  expect(clock.timeAt(50)).toBe(1000);
  clock.run(50);
  expect(clock.timeAt(60)).toBe(1020);
  clock.run(60);
  expect(clock.timeAt(60)).toBe(1020);
  expect(clock.dueAt(1100, 60)).toBe(100);
  clock.hold(70);
  expect(clock.timeAt(500)).toBe(1040);
  expect(clock.dueAt(1050, 500)).toBe(505);
  clock.run(500);
  expect(clock.timeAt(505)).toBe(1050);
});

test("continues at its time when the rate changes, and elsewhere after a seek", () => {
  const clock = new PlaybackClock(1, 0);
  clock.run(0);
  clock.setRate(10, 100);
  expect(clock.timeAt(101)).toBe(110);
  clock.seek(5000, 101);
  expect(clock.timeAt(102)).toBe(5010);
});

test("holds at an earlier time than now, so that what was due then is due again", () => {
  const clock = new PlaybackClock(1, 0);
  clock.run(0);
  clock.hold(100, 40);
  expect(clock.timeAt(200)).toBe(40);
});

test("everything is due at once at rate 0", () => {
  const clock = new PlaybackClock(0, 0);
  clock.run(0);
  expect(clock.dueAt(1e12, 7)).toBe(7);
});
