/**
 * Loopback: entries that this gateway appends reach its live readers without being read back from Redis.
 *
 * This is correct only if no foreign entry lies between such an entry and the last one that readers have. Redis reports
 * that: the appending connection tracks the streams (`CLIENT TRACKING ON NOLOOP`) and receives an invalidation, in order,
 * for every change by others. Each transaction ends with a read, which re-arms the tracking:
 *
 *     MULTI, XADD key …, XADD key …, XLEN key, EXEC
 *
 * If no invalidation arrived between the replies to two such transactions, the entries of the second one directly follow
 * those of the first. In all other cases the tail reads the stream, as it does for foreign entries.
 */
import type { Entry } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId } from "../../domain/streams/entry-id.ts";

/** Live tail that receives looped-back entries instead of reading them. */
export interface LoopbackListener {
  /** Entries were stored that directly follow `after`. @returns whether their memory is still in use */
  looped(key: string, after: EntryId, entries: readonly Entry[]): boolean;
  /** Another client may have changed the stream, or it is unknown what follows its last looped-back entry. */
  disturbed(key: string): void;
}

/** Identifies one period of watching, from `watch` to `unwatch`. */
export type Watch = symbol;

/** Connects the appends of a gateway to its live tail. */
export interface Loopback {
  /** Enables loopback for a stream. */
  watch(key: string): void;
  unwatch(key: string): void;
  /** Current watch of a stream; undefined if it is not watched. */
  watchOf(key: string): Watch | undefined;
  /** Sets the listener; undefined removes it and stops all watching. */
  listen(listener: LoopbackListener | undefined): void;
  /** Last id of a stream, valid until another client changes it, which is reported as `disturbed`. */
  endOf(key: string): EntryId | undefined;
  /**
   * Call when own entries were stored in a transaction that re-armed the tracking.
   *
   * @param watch the watch at the time of sending. If it has ended, other own entries may have been stored since then
   * without a report, even if the stream is watched again
   * @param entries in order, at least one
   * @returns whether the entries, and with them the memory of their payloads, are still in use
   */
  stored(key: string, watch: Watch, entries: readonly Entry[]): boolean;
  /** Call when another client changed the stream. */
  disturb(key: string): void;
  /** Call when all streams may have changed: after a flush or a lost connection. */
  disturbAll(): void;
}

/** Creates a loopback that watches nothing. */
export function createLoopback(): Loopback {
  const watched = new Map<string, Watch>();
  /** Last own entry of each stream whose tracking is armed since then. */
  const ends = new Map<string, EntryId>();
  let listener: LoopbackListener | undefined;

  function disturb(key: string): void {
    if (ends.delete(key)) listener?.disturbed(key);
  }

  return {
    watch(key) {
      if (!watched.has(key)) watched.set(key, Symbol(key));
    },
    unwatch(key) {
      watched.delete(key);
      ends.delete(key);
    },
    watchOf: (key) => watched.get(key),
    listen(next) {
      listener = next;
      if (next !== undefined) return;
      watched.clear();
      ends.clear();
    },
    endOf: (key) => ends.get(key),
    stored(key, watch, entries) {
      const first = entries[0];
      const last = entries[entries.length - 1];
      if (first === undefined || last === undefined || watched.get(key) !== watch) return false;
      const after = ends.get(key);
      ends.set(key, last.id);
      // The stream restarted: Redis evicted it to make room for this connection's commands, and reports that as our own change.
      if (after === undefined || compareIds(first.id, after) <= 0) return false;
      return listener?.looped(key, after, entries) === true;
    },
    disturb,
    disturbAll() {
      for (const key of [...ends.keys()]) disturb(key);
    },
  };
}
