/** Schedule of a steady rate. */

/** Computes when the next entry is due. */
export interface Schedule {
  /** Returns the delay before the next entry, ms; 0 if it is due. Call it once per entry. */
  nextDelayMs(): number;
}

/**
 * Creates a schedule that starts now. A delay of more than one period is not made up for, because the burst that follows
 * would exceed the requested rate.
 *
 * @param fps entries per second; 0 disables the limit
 * @param now monotonic clock, ms
 */
export function createSchedule(fps: number, now: () => number): Schedule {
  const periodMs = fps === 0 ? 0 : 1000 / fps;
  let dueMs = now();
  return {
    nextDelayMs() {
      const at = now();
      if (at - dueMs > periodMs) dueMs = at;
      const delayMs = Math.max(0, dueMs - at);
      dueMs += periodMs;
      return delayMs;
    },
  };
}
