/** A steady rate: when the next one is due. */

/** Says how long to wait before each. */
export interface Pace {
  /** How long to wait for the next one, ms; 0 where it is due. To be called once for each. */
  nextInMs(): number;
}

/**
 * Makes a pace that starts now. One that is late by more than a period is not made up for: a burst afterwards would
 * not be the rate that was asked for.
 *
 * @param fps how many a second; 0 is as fast as it goes
 * @param now milliseconds of a clock that never goes back
 */
export function createPace(fps: number, now: () => number): Pace {
  const periodMs = fps === 0 ? 0 : 1000 / fps;
  let dueMs = now();
  return {
    nextInMs() {
      const at = now();
      if (at - dueMs > periodMs) dueMs = at;
      const inMs = Math.max(0, dueMs - at);
      dueMs += periodMs;
      return inMs;
    },
  };
}
