/** Back-off of a consumer that settles nothing. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UnsettledBackoff } from "../../../src/redis/groups/unsettled-backoff.ts";

const ACK_WAIT = 100;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Delivers entries again, and lets them expire. @returns the time until the consumer receives something again, in ms */
function nextAfter(backoff: UnsettledBackoff): number {
  const from = performance.now();
  backoff.redelivered();
  vi.advanceTimersByTime(ACK_WAIT);
  while (backoff.isPaused) vi.advanceTimersToNextTimer();
  return performance.now() - from;
}

test("the pause doubles up to 5 s while nothing is settled", () => {
  const onEnd = vi.fn();
  const backoff = new UnsettledBackoff(ACK_WAIT, onEnd);
  const pauses = Array.from({ length: 8 }, () => nextAfter(backoff) - ACK_WAIT);
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  expect(onEnd).toHaveBeenCalledTimes(8);
});

test("entries may arrive before the pause, and those that are delivered again one after the other count once", () => {
  const backoff = new UnsettledBackoff(ACK_WAIT, () => undefined);
  for (let i = 0; i < 5; i++) {
    backoff.redelivered();
    expect(backoff.isPaused).toBe(false);
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(ACK_WAIT - 50);
  expect(backoff.isPaused).toBe(true);
  vi.advanceTimersByTime(ACK_WAIT);
  expect(backoff.isPaused).toBe(false);
});

test("a settlement ends the pause, and the next one is short again", () => {
  const onEnd = vi.fn();
  const backoff = new UnsettledBackoff(ACK_WAIT, onEnd);
  nextAfter(backoff);
  backoff.redelivered();
  vi.advanceTimersByTime(ACK_WAIT);
  expect(backoff.isPaused).toBe(true);
  backoff.settled();
  expect(backoff.isPaused).toBe(false);
  expect(onEnd).toHaveBeenCalledTimes(2);
  expect(nextAfter(backoff)).toBe(2 * ACK_WAIT);
});

test("a settlement before the pause prevents it", () => {
  const backoff = new UnsettledBackoff(ACK_WAIT, () => undefined);
  backoff.redelivered();
  backoff.settled();
  vi.advanceTimersByTime(ACK_WAIT);
  expect(backoff.isPaused).toBe(false);
});

test("a long ack_wait has no pause", () => {
  const backoff = new UnsettledBackoff(5000, () => undefined);
  backoff.redelivered();
  vi.advanceTimersByTime(5000);
  expect(backoff.isPaused).toBe(false);
});
