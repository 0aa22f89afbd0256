/** Waiting for what is on its way. */
import { setTimeout as sleep } from "node:timers/promises";

const LIMIT_MS = 30_000;

/**
 * Looks every few ms until it has come.
 *
 * @param come answers whether all is there
 * @param missing says what is not, for the error
 * @throws Error after 30 s
 */
export async function drained(come: () => boolean, missing: () => string): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; !come(); await sleep(5))
    if (Date.now() > end) throw new Error(`after ${LIMIT_MS / 1000} s ${missing()}`);
}
