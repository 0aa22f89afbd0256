/**
 * Counts what a reader of the newest entries is not sent: entries that newer ones overtook while it was slow, awaited an
 * ack or kept its pace. Nothing is looked up for that: the hub knows how many entries have passed, and the reader how many
 * of them it was sent. What passes while the hub does not watch the stream is not counted.
 */
import type { StreamState } from "./delivery.ts";
import type { Hub, Progress } from "./hub.ts";

/** Counts for one stream of a reader. */
export interface Conflation {
  /** It waits for what comes next, so all that has passed is accounted for. */
  attached(): void;
  /** The newest entries are sent, so many; what passed beside them is skipped. */
  sent(entries: number): void;
}

/** Makes the counter of a lane. */
export function createConflation(hub: Hub, { key, counters }: StreamState): Conflation {
  let passage: Progress | undefined;
  /** Of what has passed, the entries that were sent or skipped. */
  let accounted = 0;

  /** @returns whether what has passed since the last time is known */
  function follow(): boolean {
    const current = hub.progress(key);
    if (current === passage) return current !== undefined;
    passage = current;
    accounted = current?.entries ?? 0;
    return false;
  }

  return {
    attached: () => void follow(),
    sent(entries) {
      if (!follow()) return;
      const passed = passage?.entries ?? 0;
      counters.conflated += Math.max(0, passed - accounted - entries);
      // What Redis was asked for may be ahead of what has passed here, which is then no news.
      accounted = Math.max(accounted + entries, passed);
    },
  };
}
