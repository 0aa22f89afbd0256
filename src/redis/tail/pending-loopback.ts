/**
 * Echoes that wait for a read: they follow entries that a tail has asked for, or is about to hand on. Each stream has
 * one unbroken run of them.
 */
import { bytesOf, type Entry } from "../../domain/entry.ts";
import { compareIds, type EntryId } from "../../domain/entry-id.ts";

/** Runs of echoed entries by stream. */
export interface EarlyEchoes {
  /** Adds entries behind an id. @returns false where the run is over its bound: it is forgotten, to be read instead */
  add(key: string, after: EntryId, entries: readonly Entry[]): boolean;
  /** Takes what immediately follows a position; nothing where the position has not come to the run yet. */
  following(key: string, position: EntryId): readonly Entry[];
  has(key: string): boolean;
  forget(key: string): void;
}

interface Run {
  readonly after: EntryId;
  readonly entries: Entry[];
  bytes: number;
}

/** Bounds of one run: about what one read brings. */
const MOST_BYTES = 2 * 1024 * 1024;
const MOST_ENTRIES = 2000;
const NONE: readonly Entry[] = [];

/** Makes it with no runs. */
export function createEarlyEchoes(): EarlyEchoes {
  const runs = new Map<string, Run>();
  return {
    add(key, after, entries) {
      const known = runs.get(key);
      const continues = known !== undefined && known.entries[known.entries.length - 1]?.id === after;
      const run = continues ? known : { after, entries: [], bytes: 0 };
      run.entries.push(...entries);
      run.bytes += bytesOf(entries);
      runs.set(key, run);
      // One echo alone is bounded by what is appended in one transaction.
      if (!continues || (run.bytes <= MOST_BYTES && run.entries.length <= MOST_ENTRIES)) return true;
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
