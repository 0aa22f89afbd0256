/** Waits for entries or acknowledgements in flight. */
import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 30_000;

/**
 * Polls every few ms until everything has arrived.
 *
 * @param isComplete returns whether everything has arrived
 * @param missing describes the missing items, for the error
 * @param limitMs time limit, in ms
 * @throws Error after the time limit
 */
export async function drained(
  isComplete: () => boolean,
  missing: () => string,
  limitMs = LIMIT_MS,
): Promise<void> {
  for (const end = Date.now() + limitMs; !isComplete(); await sleep(5))
    if (Date.now() > end) throw new Error(`timed out after ${limitMs / 1000} s: ${missing()}`);
}
