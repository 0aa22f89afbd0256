/** Doing a thing at a steady rate, for the rows that ask how long and not how many. */
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Calls `send` for 0, 1, 2 …, each when it is due. What a late timer missed follows at once, so the rate holds.
 *
 * @param perSecond calls a second
 * @param count calls in all
 */
export async function pace(perSecond: number, count: number, send: (index: number) => void): Promise<void> {
  const start = performance.now();
  for (let next = 0; next < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1000) * perSecond) + 1);
    while (next < due) send(next++);
    await sleep(1);
  }
}
