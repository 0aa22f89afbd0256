/**
 * Pending loopback: looped-back entries that wait for a read, because they follow entries that the tail is still reading
 * or about to deliver. Each stream has one contiguous run of them.
 */
import { bytesOf, type Entry } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId } from "../../domain/streams/entry-id.ts";

/** Runs of looped-back entries by stream. */
export interface PendingLoopback {
  /** Adds entries after an id. @returns false if the run exceeds its bound: it is dropped, and the stream must be read */
  add(key: string, after: EntryId, entries: readonly Entry[]): boolean;
  /** Removes and returns the entries that directly follow a position; none if the position has not reached the run. */
  following(key: string, position: EntryId): readonly Entry[];
  has(key: string): boolean;
  forget(key: string): void;
}

interface Run {
  readonly after: EntryId;
  readonly entries: Entry[];
  bytes: number;
}

/** Bounds of one run: about the size of one read. */
const MAX_BYTES = 2 * 1024 * 1024;
const MAX_ENTRIES = 2000;
const NONE: readonly Entry[] = [];

/** Creates it without runs. */
export function createPendingLoopback(): PendingLoopback {
  const runs = new Map<string, Run>();
  return {
    add(key, after, entries) {
      const known = runs.get(key);
      const continues = known !== undefined && known.entries[known.entries.length - 1]?.id === after;
      const run = continues ? known : { after, entries: [], bytes: 0 };
      run.entries.push(...entries);
      run.bytes += bytesOf(entries);
      runs.set(key, run);
      // A new run is bounded by the size of one transaction.
      if (!continues || (run.bytes <= MAX_BYTES && run.entries.length <= MAX_ENTRIES)) return true;
      runs.delete(key);
      return false;
    },
    following(key, position) {
      const run = runs.get(key);
      if (run === undefined || compareIds(run.after, position) > 0) return NONE;
      runs.delete(key);
      if (run.after === position) return run.entries;
      return run.entries.filter(({ id }) => compareIds(id, position) > 0);
    },
    has: (key) => runs.has(key),
    forget: (key) => void runs.delete(key),
  };
}
