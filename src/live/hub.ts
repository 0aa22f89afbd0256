/**
 * Hub between the tail and all live readers. It watches a stream from its first reader until shortly after its last one,
 * and passes each batch to every reader of the stream.
 *
 * A reader attaches at its cursor, in the same event-loop turn in which it found no entry after that cursor in the hub. So
 * the hand-over from history to live has no gaps. Each reader takes only entries after its own cursor, so there are no
 * repeats either.
 */
import { bytesOf } from "../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID, idBefore } from "../domain/entry-id.ts";
import type { GatewayError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import type { Counters } from "../observe/counters.ts";
import type { OnTailReads, Tail, TailEvents, TailRead } from "../redis/tail/tail.ts";
import { type Batch, createBatch } from "./batch.ts";
import type { RecentBatches, RecentMemory } from "./recent-batches.ts";

/** One stream of a live reader. */
export interface LiveReader {
  /**
   * Receives new entries. Some of them may be at or before the reader's cursor.
   *
   * @returns whether the reader has sent the batch and no longer uses its memory
   */
  take(batch: Batch): boolean;
  /** Entries after the last batch may be missing; called right before `take`. */
  onGap(): void;
  /** The stream was created again and has entries at or below the reader's cursor; `Progress.recreations` has increased. */
  onRecreated(): void;
  /** The stream cannot be read; the reader is detached. */
  onError(error: GatewayError): void;
}

/** Progress of a stream since the hub started to watch it. */
export interface Progress {
  /** Entries received from the tail. */
  readonly entries: number;
  /** Number of times that the stream was created again and reused ids that readers may have as cursors. */
  readonly recreations: number;
}

/** Interface of the hub for readers. */
export interface Hub {
  /**
   * Makes a reader live, unless the hub has already seen entries after its cursor. If the stream is not watched yet, the tail
   * starts at the cursor, so the cursor should be near the end of the stream.
   *
   * @returns whether it is attached
   */
  attach(key: string, cursor: EntryId, reader: LiveReader): boolean;
  /** Detaches a reader. Does nothing if it is not attached. */
  detach(key: string, reader: LiveReader): void;
  /**
   * Redis has just reported no entries after a cursor. If the hub has seen entries there, they were deleted. Unless the reader
   * can still receive them from memory, the tail restarts at the cursor, so that the reader can attach.
   */
  confirmEnd(key: string, cursor: EntryId): void;
  /** Returns whether the stream is watched and has no known entry after the cursor. */
  isAtEnd(key: string, cursor: EntryId): boolean;
  /** Returns the progress of a stream, a new object each time watching starts; undefined if the stream is not watched. */
  progress(key: string): Progress | undefined;
  /**
   * Returns the newest batches of a stream that has, or recently had, a live reader.
   *
   * @param wasAttached the reader was attached at some time since the stream is watched. If the tail does not detect
   * deletions, any other reader gets none, because the batches may contain deleted entries.
   */
  recentBatches(key: string, wasAttached: boolean): RecentBatches | undefined;
  close(): void;
}

/** Dependencies of the hub. */
export interface HubParts {
  readonly openTail: (onReads: OnTailReads, events: TailEvents) => Tail;
  readonly memory: RecentMemory;
  readonly counters: Counters;
  readonly logger: Logger;
}

interface LiveStream extends Progress {
  entries: number;
  recreations: number;
  /** Entries up to this id were distributed, or no reader needs them. */
  position: EntryId;
  readonly readers: Set<LiveReader>;
  readonly recent: RecentBatches;
  /** When the last reader left, in ms of `performance.now()`. */
  emptySince: number;
}

/** Time (ms) for which a stream is watched after its last reader detached: paused readers and pollers return soon. */
const LINGER_MS = 2000;
/** Entries of at least this size (bytes) are not kept for future readers once all present readers have them. */
const LARGE_ENTRY_BYTES = 32 * 1024;
const SWEEP_MS = 500;

/** Creates the hub and opens its tail. */
export function createHub({ openTail, memory, counters, logger }: HubParts): Hub {
  const streams = new Map<string, LiveStream>();
  const empty = new Set<string>();
  const tail = openTail(
    (reads) => {
      let isKept = false;
      for (const read of reads) if (distribute(read)) isKept = true;
      return isKept;
    },
    {
      // A reader that attaches later must see what the stream holds now. Attached readers have received the rest.
      onRemoval(key, isNewLife) {
        const stream = streams.get(key);
        stream?.recent.clear();
        if (stream !== undefined && isNewLife) restart(stream);
      },
      onForbidden(key, error) {
        const stream = streams.get(key);
        if (stream === undefined) return;
        // The next reader watches the stream again and gets a new error if it still cannot be read.
        streams.delete(key);
        empty.delete(key);
        stream.recent.clear();
        tail.unwatch(key);
        for (const reader of stream.readers) reader.onError(error);
      },
    },
  );
  const sweep = setInterval(dropEmpty, SWEEP_MS);

  /** Passes a read to the readers. @returns whether the entries are still in use */
  function distribute({ key, after, entries, hasGap, isNewLife }: TailRead): boolean {
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
    // After a gap the batch does not continue an earlier cursor. A read from the beginning starts at the first existing
    // entry, which may also be after a gap for any other cursor.
    const isLate = hasGap || after === FIRST_ID;
    const batch = createBatch(key, isLate ? (idBefore(first.id) ?? after) : after, entries, last.id);
    stream.position = last.id;
    stream.entries += entries.length;
    const isLarge = bytesOf(entries) >= LARGE_ENTRY_BYTES * entries.length;
    const mayGo = isLarge && stream.readers.size > 0;
    // Before the readers receive it, because a reader may look it up here at once.
    if (!mayGo) stream.recent.add(batch);
    let isDone = mayGo;
    for (const reader of stream.readers) if (!reader.take(batch)) isDone = false;
    if (!mayGo) return true;
    // A large batch that all readers have sent is dropped, to free its memory for the next one.
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
