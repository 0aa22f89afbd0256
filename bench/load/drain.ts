/** Waits for entries or acknowledgements in flight. */
import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 30_000;

/**
 * Polls every few ms until everything has arrived.
 *
 * @param isComplete returns whether everything has arrived
 * @param missing describes the missing items, for the error
 * @throws Error after 30 s
 */
export async function drained(isComplete: () => boolean, missing: () => string): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; !isComplete(); await sleep(5))
    if (Date.now() > end) throw new Error(`timed out after ${LIMIT_MS / 1000} s: ${missing()}`);
}
