/** Fixed-rate schedule, for rows that measure latency and not throughput. */
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Calls `send` for 0, 1, 2 …, each when it is due. After a late timer it catches up immediately, so the rate holds.
 *
 * @param perSecond calls per second
 * @param count total number of calls
 */
export async function sendAtRate(
  perSecond: number,
  count: number,
  send: (index: number) => void,
): Promise<void> {
  const start = performance.now();
  for (let next = 0; next < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1000) * perSecond) + 1);
    while (next < due) send(next++);
    await sleep(1);
  }
}
