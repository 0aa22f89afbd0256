/** How long to wait before trying again: longer each time, and never in step with everybody else. */

/** The bounds of the waits. */
export interface Backoff {
  /** Upper bound of the first wait, ms. @default 500 */
  readonly firstMs: number;
  /** Upper bound of any wait, ms. @default 15_000 // 15 seconds */
  readonly mostMs: number;
}

/** Half a second at first, at most a quarter of a minute. */
export const DEFAULT_BACKOFF: Backoff = { firstMs: 500, mostMs: 15_000 };

/**
 * The wait after a number of failures in a row: its upper bound doubles, and the upper half of it is random, so that
 * a thousand clients of a restarted gateway do not come back in the same moment.
 *
 * @param failures how many attempts failed before this one, from 0
 * @param random from 0 to below 1
 * @returns ms, from half of the bound to the bound
 */
export function backoffMs(failures: number, random: number, { firstMs, mostMs }: Backoff): number {
  const bound = Math.min(mostMs, firstMs * 2 ** Math.min(failures, 30));
  return bound / 2 + (bound / 2) * random;
}
