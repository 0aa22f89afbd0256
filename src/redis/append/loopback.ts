/**
 * The echo: entries that this gateway appends itself reach its live readers without being read back from Redis.
 *
 * That is right only where nothing of anybody else's stands between such an entry and the one that readers have last.
 * Redis says so: the connection that appends tracks the streams (`CLIENT TRACKING ON NOLOOP`), is told of every change
 * that is not its own, and is told in order. So it appends in a transaction that ends with a read, which arms the
 * tracking again, and
 *
 *     MULTI, XADD key …, XADD key …, XLEN key, EXEC
 *
 * when no word of a foreign change came between the answers of two such transactions, the entries of the second one
 * follow those of the first immediately. Wherever that is not known, the tail reads, as it does for foreign entries.
 */
import type { Entry } from "../../domain/entry.ts";
import { compareIds, type EntryId } from "../../domain/entry-id.ts";

/** Whoever reads streams live, and need not read what is echoed. */
export interface EchoListener {
  /** Entries were stored, and immediately follow `after`. @returns whether they are still used */
  echoed(key: string, after: EntryId, entries: readonly Entry[]): boolean;
  /** Somebody else may have changed the stream, or what follows its last echo is not known. */
  disturbed(key: string): void;
}

/** One time that a stream is watched, from `watch` to `unwatch`. */
export type Watch = symbol;

/** Stands between the appends of a gateway and its live tail. */
export interface Echo {
  /** Asks for the echo of a stream. */
  watch(key: string): void;
  unwatch(key: string): void;
  /** The watch of a stream; undefined where it is not watched. */
  watchOf(key: string): Watch | undefined;
  /** Who is told; undefined for nobody, who then watches nothing either. */
  listen(listener: EchoListener | undefined): void;
  /** The id that a stream ends with as long as nobody else changes it, which would be told as `disturbed`. */
  endOf(key: string): EntryId | undefined;
  /**
   * Own entries were stored in one transaction that armed the tracking again.
   *
   * @param watch the one that was there when the transaction was sent: where it is over, own entries may have been
   * stored since without a word, whether the stream is watched again or not
   * @param entries in order, at least one
   * @returns whether somebody still uses the entries, and with them the memory of their payloads
   */
  stored(key: string, watch: Watch, entries: readonly Entry[]): boolean;
  /** Somebody else changed the stream. */
  disturb(key: string): void;
  /** Nothing is known of any stream: a flush, a lost connection. */
  disturbAll(): void;
}

/** Makes an echo that watches nothing. */
export function createEcho(): Echo {
  const watched = new Map<string, Watch>();
  /** The last own entry of each stream whose tracking is armed since. */
  const ends = new Map<string, EntryId>();
  let listener: EchoListener | undefined;

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
      // Redis evicted the stream to make room for what this connection sent, and takes that for our own doing.
      if (after === undefined || compareIds(first.id, after) <= 0) return false;
      return listener?.echoed(key, after, entries) === true;
    },
    disturb,
    disturbAll() {
      for (const key of [...ends.keys()]) disturb(key);
    },
  };
}
