/**
 * Token bucket for rate limits. A message that was already received is accepted even if it exceeds the level, because it
 * cannot be split. The bucket is then in debt, and the client must wait until it has refilled.
 */

/** Token bucket: delays a client that takes more than its rate. */
export interface TokenBucket {
  /** Removes tokens. The level may become negative. */
  take(amount: number): void;
  /** Returns the time, in ms, until the bucket is out of debt; 0 if it is not in debt. */
  waitMs(): number;
}

/**
 * Creates a full bucket.
 *
 * @param now a monotonic clock in ms
 * @param capacity by default one second of its rate
 */
export function createTokenBucket(
  perSecond: number,
  now: () => number,
  capacity: number = perSecond,
): TokenBucket {
  let level = capacity;
  let filledAt = now();

  function fill(): void {
    const time = now();
    level = Math.min(capacity, level + ((time - filledAt) * perSecond) / 1000);
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
