/**
 * Counter of conflated entries: entries that a `latest` reader skips because newer ones arrived while it was paused. The count
 * is the number of entries that passed the hub minus the number sent, so it needs no reads. Entries that arrive while the
 * hub does not watch the stream, because its only reader is paused for long, count as one: the reader looks for one more
 * entry than it sends.
 */

import type { Hub, Progress } from "./hub.ts";
import type { StreamState } from "./stream-state.ts";

/** Counter of one stream of a reader. */
export interface Conflation {
  /** Call when the reader is attached to the hub: it has received or skipped all entries so far. */
  attached(): void;
  /** Whether entries may have arrived since the last call of `sent` that the hub did not count. */
  isUncounted(): boolean;
  /**
   * `entries` newest entries were sent; all other entries since the last call were skipped.
   *
   * @param others further entries that were found; only they count after a break of the hub's watch
   * @returns how many were skipped
   */
  sent(entries: number, others: number): number;
}

/** Creates the counter of a stream. */
export function createConflation(hub: Hub, { key, counters }: StreamState): Conflation {
  let progress: Progress | undefined;
  /** Number of the hub's entries that were sent or skipped. */
  let accounted = 0;
  let hasSent = false;

  /** @returns whether the hub has watched the stream without a break since the last call */
  function follow(): boolean {
    const current = hub.progress(key);
    if (current === progress) return current !== undefined;
    progress = current;
    accounted = current?.entries ?? 0;
    return false;
  }

  return {
    attached: () => void follow(),
    isUncounted() {
      const current = hub.progress(key);
      return hasSent && (current === undefined || current !== progress);
    },
    sent(entries, others) {
      hasSent = true;
      if (!follow()) {
        counters.conflated += others;
        return others;
      }
      const passed = progress?.entries ?? 0;
      const skipped = Math.max(0, passed - accounted - entries);
      counters.conflated += skipped;
      // A read from Redis may be ahead of the hub. The hub's entries up to it are then already accounted for.
      accounted = Math.max(accounted + entries, passed);
      return skipped;
    },
  };
}
