/**
 * Counter of conflated entries: entries that a `latest` reader skips because newer ones arrived while it was paused. The count
 * is the number of entries that passed the hub minus the number sent, so it needs no reads. Entries that arrive while the
 * hub does not watch the stream are not counted.
 */

import type { Hub, Progress } from "./hub.ts";
import type { StreamState } from "./stream-state.ts";

/** Counter of one stream of a reader. */
export interface Conflation {
  /** Call when the reader is attached to the hub: it has received or skipped all entries so far. */
  attached(): void;
  /** `entries` newest entries were sent; all other entries since the last call were skipped. @returns how many */
  sent(entries: number): number;
}

/** Creates the counter of a stream. */
export function createConflation(hub: Hub, { key, counters }: StreamState): Conflation {
  let progress: Progress | undefined;
  /** Number of the hub's entries that were sent or skipped. */
  let accounted = 0;

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
    sent(entries) {
      if (!follow()) return 0;
      const passed = progress?.entries ?? 0;
      const skipped = Math.max(0, passed - accounted - entries);
      counters.conflated += skipped;
      // A read from Redis may be ahead of the hub. The hub's entries up to it are then already accounted for.
      accounted = Math.max(accounted + entries, passed);
      return skipped;
    },
  };
}
