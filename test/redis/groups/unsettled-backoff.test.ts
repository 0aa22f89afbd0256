/** Back-off of a consumer that settles nothing. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UnsettledBackoff } from "../../../src/redis/groups/unsettled-backoff.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Lets entries expire. @returns how long the consumer is paused, in ms */
function pauseOf(backoff: UnsettledBackoff, ackWaitMs: number): number {
  vi.advanceTimersByTime(ackWaitMs);
  backoff.expired();
  const from = performance.now();
  while (backoff.isPaused) vi.advanceTimersToNextTimer();
  return performance.now() - from;
}

test("the pause doubles up to 5 s while nothing is settled, and begins with the second expiry", () => {
  const onEnd = vi.fn();
  const backoff = new UnsettledBackoff(100, onEnd);
  const pauses = Array.from({ length: 9 }, () => pauseOf(backoff, 100));
  expect(pauses).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  expect(onEnd).toHaveBeenCalledTimes(8);
});

test("entries that expire one after the other within ack_wait count once", () => {
  const backoff = new UnsettledBackoff(100, () => undefined);
  for (let i = 0; i < 9; i++) {
    backoff.expired();
    vi.advanceTimersByTime(10);
  }
  expect(backoff.isPaused).toBe(false);
});

test("a settlement ends the pause, and the next one is short again", () => {
  const onEnd = vi.fn();
  const backoff = new UnsettledBackoff(100, onEnd);
  pauseOf(backoff, 100);
  vi.advanceTimersByTime(100);
  backoff.expired();
  expect(backoff.isPaused).toBe(true);
  backoff.settled();
  expect(backoff.isPaused).toBe(false);
  expect(onEnd).toHaveBeenCalledOnce();
  expect(pauseOf(backoff, 100)).toBe(0);
});

test("a long ack_wait has no pause", () => {
  const backoff = new UnsettledBackoff(5000, () => undefined);
  expect(Array.from({ length: 4 }, () => pauseOf(backoff, 5000))).toEqual([0, 0, 0, 0]);
});
