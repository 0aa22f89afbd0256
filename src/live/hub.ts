/**
 * Hub between the tail and all live readers. It watches a stream from its first reader until shortly after its last one,
 * and passes each batch to every reader of the stream.
 *
 * A reader attaches at its cursor, in the same event-loop turn in which it found no entry after that cursor in the hub. So
 * the hand-over from history to live has no gaps. Each reader takes only entries after its own cursor, so there are no
 * repeats either.
 *
 * A reader that throws an exception is detached and receives the error. The other readers receive every entry.
 */

import type { GatewayError } from "../domain/errors.ts";
import type { Logger } from "../domain/logger.ts";
import { compareIds, type EntryId, FIRST_ID, idBefore } from "../domain/streams/entry-id.ts";
import type { Counters } from "../observe/counters.ts";
import { faultOf } from "../observe/faults.ts";
import type { OnTailReads, Tail, TailEvents, TailRead } from "../redis/tail/tail.ts";
import { type Batch, createBatch } from "./batch.ts";
import type { RecentBatches, RecentMemory } from "./cache/recent-batches.ts";

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
  /**
   * The tail read the stream from its beginning, so the batch starts at the first entry that existed. Called right before `take`.
   * For a reader whose cursor is past the beginning, but before that entry, entries may have been trimmed.
   *
   * @param before the id before the first entry
   */
  onBeginning(before: EntryId): void;
  /** The stream was created again and has entries at or below the reader's cursor; `Progress.recreation` has changed. */
  onRecreated(): void;
  /** The stream cannot be read, or a method of the reader threw an exception; the reader is detached. */
  onError(error: GatewayError): void;
}

/** Progress of a stream since the hub started to watch it. */
export interface Progress {
  /** Entries received from the tail. */
  readonly entries: number;
  /**
   * Number of the last time that the stream was created again and reused ids that readers may have as cursors, unique in this
   * hub; 0 for never.
   */
  readonly recreation: number;
}

/** Dependencies of the hub. */
export interface HubParts {
  readonly openTail: (onReads: OnTailReads, events: TailEvents) => Tail;
  readonly memory: RecentMemory;
  /** Entries of a stream were removed: those that are kept in memory may no longer exist. */
  readonly onRemoval: (key: string) => void;
  readonly counters: Counters;
  readonly logger: Logger;
}

interface LiveStream extends Progress {
  entries: number;
  recreation: number;
  /** Entries up to this id were distributed, or no reader needs them. */
  position: EntryId;
  readonly readers: Set<LiveReader>;
  readonly recent: RecentBatches;
  /** Time at which the last reader left, in ms of `performance.now()`. */
  emptySince: number;
}

/** Time (ms) for which a stream is watched after its last reader detached: paused readers and pollers return soon. */
const LINGER_MS = 2000;
/** Entries of at least this size (bytes) are not kept for future readers once all present readers have them. */
const LARGE_ENTRY_BYTES = 32 * 1024;
const SWEEP_MS = 500;

/** Hub of a gateway. */
export class Hub {
  readonly #parts: HubParts;
  readonly #tail: Tail;
  readonly #sweep: NodeJS.Timeout;
  readonly #streams = new Map<string, LiveStream>();
  /** Keys of streams without readers. */
  readonly #empty = new Set<string>();
  #recreations = 0;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.#tail = parts.openTail((reads) => this.#distributeAll(reads), {
      onRemoval: (key, isNewLife) => this.#onRemoval(key, isNewLife),
      onForbidden: (key, error) => this.#onForbidden(key, error),
    });
    this.#sweep = setInterval(() => this.#dropEmpty(), SWEEP_MS);
  }

  /**
   * Makes a reader live, unless the hub has already seen entries after its cursor. If the stream is not watched yet, the tail
   * starts at the cursor, so the cursor should be near the end of the stream.
   *
   * @param isRead whether the reader has just read the entry at its cursor
   * @returns whether it is attached
   */
  attach(key: string, cursor: EntryId, reader: LiveReader, isRead: boolean): boolean {
    const stream = this.#streams.get(key);
    if (stream === undefined) {
      this.#streams.set(key, {
        entries: 0,
        recreation: 0,
        position: cursor,
        readers: new Set([reader]),
        recent: this.#parts.memory.open(),
        emptySince: 0,
      });
      this.#tail.watch(key, cursor, isRead);
      return true;
    }
    if (compareIds(cursor, stream.position) < 0) return false;
    stream.readers.add(reader);
    this.#empty.delete(key);
    return true;
  }

  /** Detaches a reader. Does nothing if it is not attached. */
  detach(key: string, reader: LiveReader): void {
    const stream = this.#streams.get(key);
    if (stream === undefined || !stream.readers.delete(reader) || stream.readers.size > 0) return;
    stream.emptySince = performance.now();
    this.#empty.add(key);
  }

  /** Call when the stream was deleted. Without readers, the hub forgets it at once, so that a new stream of that name starts without its entries. */
  forget(key: string): void {
    const stream = this.#streams.get(key);
    if (stream?.readers.size === 0) this.#drop(key, stream);
  }

  /**
   * Redis has just reported no entries after a cursor. If the hub has seen entries there, they were deleted. Unless the reader
   * can still receive them from memory, the tail restarts at the cursor, so that the reader can attach.
   */
  confirmEnd(key: string, cursor: EntryId): void {
    const stream = this.#streams.get(key);
    if (stream === undefined || compareIds(cursor, stream.position) >= 0) return;
    if (this.#tail.noticesRemovals() && stream.recent.after(cursor, 1) !== undefined) return;
    stream.recent.clear();
    stream.position = cursor;
    this.#tail.watch(key, cursor);
  }

  /** Returns whether the stream is watched and has no known entry after the cursor. */
  isAtEnd(key: string, cursor: EntryId): boolean {
    const stream = this.#streams.get(key);
    return stream !== undefined && compareIds(cursor, stream.position) >= 0;
  }

  /** Returns the progress of a stream, a new object each time watching starts; undefined if the stream is not watched. */
  progress(key: string): Progress | undefined {
    return this.#streams.get(key);
  }

  /**
   * Returns the newest batches of a stream that has, or recently had, a live reader.
   *
   * @param wasAttached the reader was attached at some time since the stream is watched. If the tail does not detect
   * deletions, any other reader gets none, because the batches may contain deleted entries.
   */
  recentBatches(key: string, wasAttached: boolean): RecentBatches | undefined {
    return wasAttached || this.#tail.noticesRemovals() ? this.#streams.get(key)?.recent : undefined;
  }

  close(): void {
    clearInterval(this.#sweep);
    this.#tail.close();
    this.#parts.counters.tailStreams = 0;
  }

  /** Passes all reads to their readers. @returns whether any entries are still in use */
  #distributeAll(reads: readonly TailRead[]): boolean {
    let isKept = false;
    for (const read of reads) if (this.#distribute(read)) isKept = true;
    return isKept;
  }

  /** Passes a read to the readers. @returns whether the entries are still in use */
  #distribute(read: TailRead): boolean {
    const { key, after, entries, hasGap } = read;
    const stream = this.#streams.get(key);
    const batch = stream && batchOf(read);
    if (stream === undefined || batch === undefined) return false;
    if (hasGap) this.#onGap(read, stream);
    else if (after === FIRST_ID) this.#onBeginning(key, stream, batch.after);
    stream.position = batch.last;
    stream.entries += entries.length;
    const isLarge = batch.bytes >= LARGE_ENTRY_BYTES * entries.length;
    const isDroppable = isLarge && stream.readers.size > 0;
    // Before the readers receive it, because a reader may look it up here at once.
    if (!isDroppable) stream.recent.add(batch);
    let isDone = isDroppable;
    for (const reader of stream.readers) {
      try {
        if (!reader.take(batch)) isDone = false;
      } catch (error) {
        isDone = false;
        this.#end(key, reader, error);
      }
    }
    if (!isDroppable) return true;
    // A large batch that all readers have sent is dropped, to free its memory for the next one.
    if (isDone) stream.recent.clear();
    else stream.recent.add(batch);
    return !isDone;
  }

  #onGap({ key, after, isNewLife }: TailRead, stream: LiveStream): void {
    this.#parts.logger.warn({ key, after }, "live readers missed entries that were trimmed or deleted");
    stream.recent.clear();
    this.#parts.onRemoval(key);
    // A new life that reached the readers' ids has all its newer entries: they are not trimmed before older ones.
    if (isNewLife) this.#restart(key, stream);
    else this.#callAll(key, stream, (reader) => reader.onGap());
  }

  #onBeginning(key: string, stream: LiveStream, before: EntryId): void {
    this.#callAll(key, stream, (reader) => reader.onBeginning(before));
  }

  #onRemoval(key: string, isNewLife: boolean): void {
    const stream = this.#streams.get(key);
    // A reader that attaches later must see the current entries of the stream. Attached readers have received the rest.
    stream?.recent.clear();
    this.#parts.onRemoval(key);
    if (stream !== undefined && isNewLife) this.#restart(key, stream);
  }

  /** Reports to the readers that the stream was created again. */
  #restart(key: string, stream: LiveStream): void {
    stream.recreation = ++this.#recreations;
    this.#callAll(key, stream, (reader) => reader.onRecreated());
  }

  #callAll(key: string, { readers }: LiveStream, call: (reader: LiveReader) => void): void {
    for (const reader of readers) {
      try {
        call(reader);
      } catch (error) {
        this.#end(key, reader, error);
      }
    }
  }

  /** Ends a reader that threw an exception. */
  #end(key: string, reader: LiveReader, exception: unknown): void {
    this.detach(key, reader);
    const error = faultOf(exception, "reader", this.#parts);
    try {
      reader.onError(error);
    } catch (another) {
      faultOf(another, "reader", this.#parts);
    }
  }

  #onForbidden(key: string, error: GatewayError): void {
    const stream = this.#streams.get(key);
    if (stream === undefined) return;
    // The next reader watches the stream again and gets a new error if it still cannot be read.
    this.#drop(key, stream);
    this.#callAll(key, stream, (reader) => reader.onError(error));
  }

  /** Stops watching streams whose last reader detached some time ago. */
  #dropEmpty(): void {
    const before = performance.now() - LINGER_MS;
    for (const key of this.#empty) {
      const stream = this.#streams.get(key);
      if (stream === undefined || stream.emptySince <= before) this.#drop(key, stream);
    }
  }

  #drop(key: string, stream: LiveStream | undefined): void {
    this.#empty.delete(key);
    this.#streams.delete(key);
    stream?.recent.clear();
    this.#tail.unwatch(key);
  }
}

/** Returns the batch of a read; undefined if the read has no entries. */
function batchOf({ key, after, entries, hasGap }: TailRead): Batch | undefined {
  const first = entries[0];
  const last = entries[entries.length - 1];
  if (first === undefined || last === undefined) return undefined;
  // After a gap the batch does not continue an earlier cursor. A read from the beginning starts at the first existing
  // entry, which may also be after a gap for any other cursor.
  const isLate = hasGap || after === FIRST_ID;
  return createBatch(key, isLate ? (idBefore(first.id) ?? after) : after, entries, last.id);
}
