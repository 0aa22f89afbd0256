/**
 * A rate as a bucket that fills evenly. What is already here is taken in even if it is more than the bucket holds, as a
 * message cannot be taken in by halves; the bucket is in debt then, and nothing more comes in until that is paid off.
 */

/** A bucket. */
export interface TokenBucket {
  /** Takes an amount out. */
  take(amount: number): void;
  /** How long it is, in ms, until the bucket is out of debt; 0 where it is. */
  waitMs(): number;
}

/** Makes a full bucket, which holds what a second brings. @param now a clock in ms that never goes back */
export function createTokenBucket(perSecond: number, now: () => number): TokenBucket {
  let level = perSecond;
  let filledAt = now();

  function fill(): void {
    const time = now();
    level = Math.min(perSecond, level + ((time - filledAt) * perSecond) / 1000);
    filledAt = time;
  }

  return {
    take(amount) {
      fill();
      level -= amount;
    },
    waitMs() {
      fill();
      return level >= 0 ? 0 : Math.ceil((-level * 1000) / perSecond);
    },
  };
}
