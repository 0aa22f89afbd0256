/**
 * The hub stands between the one tail and all live readers: it watches a stream from its first reader to a little
 * after its last, and hands each batch to every reader of the stream.
 *
 * A reader attaches at its cursor, in the same turn of the event loop in which it found that nothing the hub has seen
 * lies past that cursor. That makes the hand-over from history to live free of gaps, and since each reader takes only
 * what is past its own cursor, free of repeats.
 */
import { bytesOf } from "../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID, idBefore } from "../domain/entry-id.ts";
import type { GatewayError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { Counters } from "../observe/counters.ts";
import type { OnTailReads, Tail, TailEvents, TailRead } from "../redis/tail.ts";
import { type Batch, createBatch } from "./batch.ts";
import type { RecentBatches, RecentMemory } from "./recent-batches.ts";

/** One stream of a live reader. */
export interface LiveReader {
  /**
   * New entries came. Some of them may be at or before the reader's cursor.
   *
   * @returns whether the reader is done with the batch, and uses nothing of it any more
   */
  take(batch: Batch): boolean;
  /** Entries after everything taken so far may be missing; called right before `take` gets what follows. */
  onGap(): void;
  /** The stream was created again, and has entries at or below the reader's cursor; `Passage.lives` has grown. */
  onRecreated(): void;
  /** The stream cannot be read; the reader is detached. */
  onError(error: GatewayError): void;
}

/** What has passed of a stream since it is watched. */
export interface Progress {
  /** Entries handed out, whether somebody took them or not. */
  readonly entries: number;
  /** How often ids that readers may have as their cursors were used again, because the stream was created again. */
  readonly recreations: number;
}

/** What readers ask of the hub. */
export interface Hub {
  /**
   * Makes a reader live, unless the hub has already seen entries past its cursor. A stream that is not watched yet is
   * watched from the cursor on, so it should be near the stream's end.
   *
   * @returns whether it is attached
   */
  attach(key: string, cursor: EntryId, reader: LiveReader): boolean;
  /** Ends that; nothing happens where the reader is not attached. */
  detach(key: string, reader: LiveReader): void;
  /**
   * Redis has just said that nothing is past a cursor. What the hub has seen there, if anything, is gone again: unless
   * the reader can still have it from memory, the stream is watched from the cursor on, so that the reader can attach.
   */
  confirmEnd(key: string, cursor: EntryId): void;
  /** Whether the stream is watched and nothing past the cursor was seen. */
  isAtEnd(key: string, cursor: EntryId): boolean;
  /** How much of a stream has passed; undefined where it is not watched. Another one whenever it is watched anew. */
  progress(key: string): Progress | undefined;
  /**
   * The newest batches of a stream that has, or a moment ago had, a live reader.
   *
   * @param wasAttached the reader was attached since the stream is watched. Where the tail does not notice removals, another
   * reader gets none, because they may hold entries that no longer exist.
   */
  recentBatches(key: string, wasAttached: boolean): RecentBatches | undefined;
  close(): void;
}

/** What a hub is made of. */
export interface HubParts {
  readonly openTail: (onReads: OnTailReads, events: TailEvents) => Tail;
  readonly memory: RecentMemory;
  readonly counters: Counters;
  readonly logger: Logger;
}

interface LiveStream extends Progress {
  entries: number;
  recreations: number;
  /** Everything up to this id was handed out, or is of no interest to any reader. */
  position: EntryId;
  readonly readers: Set<LiveReader>;
  readonly recent: RecentBatches;
  /** When the last reader left, in ms of `performance.now()`. */
  emptySince: number;
}

/** How long (ms) a stream is still watched after its last reader: paused readers and pollers come back soon. */
const LINGER_MS = 2000;
/** From this size on (bytes) an entry is not kept for readers that may come, where those that are there have it. */
const LARGE_ENTRY_BYTES = 32 * 1024;
const SWEEP_MS = 500;

/** Makes the hub and opens its tail. */
export function createHub({ openTail, memory, counters, logger }: HubParts): Hub {
  const streams = new Map<string, LiveStream>();
  const empty = new Set<string>();
  const tail = openTail(
    (reads) => {
      let isKept = false;
      for (const read of reads) if (hand(read)) isKept = true;
      return isKept;
    },
    {
      // A reader that attaches later must see what the stream holds now. Attached readers have received the rest.
      onRemoval(key, isNewLife) {
        const stream = streams.get(key);
        stream?.recent.clear();
        if (stream !== undefined && isNewLife) restart(stream);
      },
      onRefused(key, error) {
        const stream = streams.get(key);
        if (stream === undefined) return;
        // A later reader watches the stream again, and so finds out whether it can be read by then.
        streams.delete(key);
        empty.delete(key);
        stream.recent.clear();
        tail.unwatch(key);
        for (const reader of stream.readers) reader.onError(error);
      },
    },
  );
  const sweep = setInterval(dropEmpty, SWEEP_MS);

  /** @returns whether somebody still uses the entries */
  function hand({ key, after, entries, hasGap, isNewLife }: TailRead): boolean {
    const stream = streams.get(key);
    const first = entries[0];
    const last = entries[entries.length - 1];
    if (stream === undefined || first === undefined || last === undefined) return false;
    if (hasGap) {
      logger.warn({ key, after }, "entries were trimmed or deleted before the live readers' tail read them");
      stream.recent.clear();
      // A new life that reached the readers' ids has all its newer entries: they are not trimmed before older ones.
      if (isNewLife) restart(stream);
      else for (const reader of stream.readers) reader.onGap();
    }
    // What begins late is no continuation of a cursor before it; and what was read from the beginning begins with the
    // first there was, which may be late for any other cursor.
    const isLate = hasGap || after === FIRST_ID;
    const batch = createBatch(key, isLate ? (idBefore(first.id) ?? after) : after, entries, last.id);
    stream.position = last.id;
    stream.entries += entries.length;
    const isLarge = bytesOf(entries) >= LARGE_ENTRY_BYTES * entries.length;
    const mayGo = isLarge && stream.readers.size > 0;
    // Before the readers get it: what that makes them do may be to ask for it here.
    if (!mayGo) stream.recent.add(batch);
    let isDone = mayGo;
    for (const reader of stream.readers) if (!reader.take(batch)) isDone = false;
    if (!mayGo) return true;
    // A large batch that everybody has already is not worth its memory, which the next one can have.
    if (isDone) stream.recent.clear();
    else stream.recent.add(batch);
    return !isDone;
  }

  function restart(stream: LiveStream): void {
    stream.recreations++;
    for (const reader of stream.readers) reader.onRecreated();
  }

  function dropEmpty(): void {
    const before = performance.now() - LINGER_MS;
    for (const key of empty) {
      const stream = streams.get(key);
      if (stream !== undefined && stream.emptySince > before) continue;
      empty.delete(key);
      streams.delete(key);
      stream?.recent.clear();
      tail.unwatch(key);
    }
  }

  return {
    attach(key, cursor, reader) {
      const stream = streams.get(key);
      if (stream === undefined) {
        streams.set(key, {
          entries: 0,
          recreations: 0,
          position: cursor,
          readers: new Set([reader]),
          recent: memory.open(),
          emptySince: 0,
        });
        tail.watch(key, cursor);
        return true;
      }
      if (compareIds(cursor, stream.position) < 0) return false;
      stream.readers.add(reader);
      empty.delete(key);
      return true;
    },
    detach(key, reader) {
      const stream = streams.get(key);
      if (stream === undefined || !stream.readers.delete(reader) || stream.readers.size > 0) return;
      stream.emptySince = performance.now();
      empty.add(key);
    },
    confirmEnd(key, cursor) {
      const stream = streams.get(key);
      if (stream === undefined || compareIds(cursor, stream.position) >= 0) return;
      if (tail.noticesRemovals() && stream.recent.after(cursor, 1) !== undefined) return;
      stream.recent.clear();
      stream.position = cursor;
      tail.watch(key, cursor);
    },
    isAtEnd(key, cursor) {
      const stream = streams.get(key);
      return stream !== undefined && compareIds(cursor, stream.position) >= 0;
    },
    progress: (key) => streams.get(key),
    recentBatches: (key, wasAttached) =>
      wasAttached || tail.noticesRemovals() ? streams.get(key)?.recent : undefined,
    close() {
      clearInterval(sweep);
      tail.close();
      counters.tailStreams = 0;
    },
  };
}
