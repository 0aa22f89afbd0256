/**
 * Counts the entries of a stream that were never displayed. With `latest` the gateway does not send them, so the count is
 * derived from the list of streams, which has the number of added entries and the last id.
 */
import type { StreamInfo } from "../../../client/browser.ts";
import { isLater } from "../../page/entry-id.ts";

/** The counters of a stream in the list. */
export type StreamCounters = Pick<StreamInfo, "added" | "lastId">;

/** Counts skipped entries. */
export interface SkipCounter {
  /** Records a displayed entry. */
  shown(id: string): void;
  /** Records a poll of the list. */
  listed(counters: StreamCounters): void;
  /** Entries added but not displayed since the first poll; undefined before it, and on Redis before 7, which does not count them. */
  readonly skipped: number | undefined;
}

/** Creates a counter. */
export function createSkipCounter(): SkipCounter {
  /** Ids of displayed entries that no poll has covered yet. */
  let open: string[] = [];
  let first: StreamCounters | undefined;
  let shownOfCounted = 0;
  let skipped: number | undefined;
  return {
    shown(id) {
      open.push(id);
    },
    listed(counters) {
      if (counters.added === 0) return;
      const { lastId } = counters;
      const since = first?.lastId;
      // Entries that the first poll already counted are excluded.
      const covered = open.filter(
        (id) => !isLater(id, lastId) && since !== undefined && isLater(id, since),
      ).length;
      open = open.filter((id) => isLater(id, lastId));
      if (first === undefined || counters.added < first.added) {
        first = counters;
        shownOfCounted = 0;
      } else shownOfCounted += covered;
      skipped = Math.max(0, counters.added - first.added - shownOfCounted);
    },
    get skipped() {
      return skipped;
    },
  };
}
