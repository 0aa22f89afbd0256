/**
 * How many entries of a stream were never shown. With `latest` those in between are not sent at all, so they cannot be
 * counted here; but the list tells how many were ever added, and up to which id.
 */
import type { StreamInfo } from "../client/browser.ts";

/** What the list says. */
export type Counted = Pick<StreamInfo, "added" | "lastId">;

/** A count that goes on. */
export interface SkipCounter {
  /** An entry was shown. */
  shown(id: string): void;
  /** The list was looked at. */
  listed(counted: Counted): void;
  /** Entries that were added and not shown since the first look; undefined before, and where Redis does not count (before 7). */
  readonly skipped: number | undefined;
}

/** Starts to count. */
export function createSkipCounter(): SkipCounter {
  /** Shown, and not yet known to be among those that a look counted. */
  let open: string[] = [];
  let first: Counted | undefined;
  let shownOfCounted = 0;
  let skipped: number | undefined;
  return {
    shown(id) {
      open.push(id);
    },
    listed(counted) {
      if (counted.added === 0) return;
      const { lastId } = counted;
      const since = first?.lastId;
      // What was listed already when counting began, and shown only then, is no part of the count.
      const covered = open.filter(
        (id) => !isAfter(id, lastId) && since !== undefined && isAfter(id, since),
      ).length;
      open = open.filter((id) => isAfter(id, lastId));
      if (first === undefined || counted.added < first.added) {
        first = counted;
        shownOfCounted = 0;
      } else shownOfCounted += covered;
      skipped = Math.max(0, counted.added - first.added - shownOfCounted);
    },
    get skipped() {
      return skipped;
    },
  };
}

/** Whether an id is greater than another. Sequences of one millisecond are small enough to be numbers. */
function isAfter(id: string, other: string): boolean {
  const [ms = 0, sequence = 0] = id.split("-").map(Number);
  const [otherMs = 0, otherSequence = 0] = other.split("-").map(Number);
  return ms > otherMs || (ms === otherMs && sequence > otherSequence);
}
