/** Exponential backoff with jitter. */

/** Bounds of the delays between retries. */
export interface Backoff {
  /** Upper bound of the first delay, ms. @default 500 */
  readonly firstMs: number;
  /** Upper bound of every delay, ms. @default 15_000 // 15 seconds */
  readonly maxMs: number;
}

/** Default backoff of the client. */
export const DEFAULT_BACKOFF: Backoff = { firstMs: 500, maxMs: 15_000 };

/**
 * Returns the delay after a number of consecutive failures. The upper bound doubles with each failure. The delay is
 * random between half of the bound and the bound, so that clients of a restarted gateway do not reconnect all at once.
 *
 * @param failures number of failed attempts before this one, from 0
 * @param random from 0 to below 1
 * @returns ms
 */
export function backoffMs(failures: number, random: number, { firstMs, maxMs }: Backoff): number {
  const bound = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30));
  return bound / 2 + (bound / 2) * random;
}
