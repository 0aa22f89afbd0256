/**
 * Read-ahead of a playback: reads pages of each stream before they are due, up to `PAGE_BYTES` per stream, and merges them
 * by entry id.
 */
import { bytesOf } from "../../domain/streams/entry.ts";
import {
  compareIds,
  type EntryId,
  FIRST_ID,
  idAtTime,
  LAST_ID,
  laterId,
} from "../../domain/streams/entry-id.ts";
import type { Page } from "../../redis/read/page-reader.ts";
import type { DeliveryContext, StreamState } from "../delivery.ts";
import { retryLater } from "../retry.ts";
import { PlaybackMerge, type Run, type TakeLimits } from "./merge.ts";

/** One stream of a playback. */
export interface PlayedStream {
  readonly state: StreamState;
  /** The entry right after which entries were missing when a page was read. */
  gapBefore: EntryId | undefined;
}

interface Source extends PlayedStream {
  /** Cursor of the next page. */
  readCursor: EntryId;
  isReading: boolean;
  /** Bytes reserved for the queued entries and for the page in flight. */
  reserved: number;
  /** Bytes reserved for the page in flight. */
  reservedForPage: number;
  /** Bytes of the queued entries. */
  queuedBytes: number;
  /** The last page reached the end of the stream. */
  isAtEnd: boolean;
  /** All entries of the range have been read. */
  isComplete: boolean;
  /** Number of takes when a page was requested that turned out empty. */
  emptyAt: number;
}

/** Options of a read-ahead. */
export interface ReadAheadOptions {
  /** The last entry id of the range. */
  readonly end: EntryId;
  /** Maximum bytes read ahead per stream. */
  readonly pageBytes: number;
  readonly timeOfDay: () => number;
  /** Called when a page has arrived. */
  readonly onPage: () => void;
}

/** Maximum bytes read ahead by one playback. With many streams, each has its part. */
const MOST_BYTES = 8 * 1024 * 1024;
/** Maximum entries in a page. */
const MOST_ENTRIES = 4096;
/**
 * Redis assigns ids by its own clock. A stream whose end was read may get entries with ids from this many ms before the time
 * of the read.
 */
const CLOCK_DIFFERENCE_MS = 1000;

/** Reads and merges the streams of a playback. */
export class ReadAhead {
  readonly #context: DeliveryContext<unknown>;
  readonly #options: ReadAheadOptions;
  readonly #sources = new Map<StreamState, Source>();
  #merge = new PlaybackMerge<Source>();
  #takes = 0;
  /** Reads in flight whose streams were restarted. The next ones wait for them, so that a client cannot start many. */
  #staleReads = 0;

  constructor(context: DeliveryContext<unknown>, options: ReadAheadOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Reads a stream after its cursor. */
  add(state: StreamState): void {
    const source: Source = {
      ...{ state, gapBefore: undefined, readCursor: state.cursor },
      ...{ isReading: false, reserved: 0, reservedForPage: 0, queuedBytes: 0 },
      ...{ isAtEnd: false, isComplete: false, emptyAt: -1 },
    };
    this.#sources.set(state, source);
    this.#merge.add(source);
  }

  /** Ends reading a stream, and forgets its entries. */
  remove(state: StreamState): void {
    const source = this.#sources.get(state);
    if (source === undefined) return;
    this.#sources.delete(state);
    this.#merge.remove(source);
    this.#drop(source);
  }

  /** Forgets all entries, and reads the streams again after their cursors. */
  restart(): void {
    const states = [...this.#sources.keys()];
    this.clear();
    for (const state of states) this.add(state);
  }

  /** Forgets all streams. */
  clear(): void {
    for (const source of this.#sources.values()) this.#drop(source);
    this.#sources.clear();
    this.#merge = new PlaybackMerge();
  }

  /** The next entry; undefined if it is not known yet, or there is none. */
  get next(): EntryId | undefined {
    return this.#merge.isReady ? this.#merge.head?.id : undefined;
  }

  /** Whether all entries of the range have been taken, and no stream had another one after that. */
  get isAtEnd(): boolean {
    if (this.#merge.head !== undefined || this.#staleReads > 0) return false;
    for (const { isComplete, emptyAt } of this.#sources.values())
      if (!isComplete && emptyAt < this.#takes) return false;
    return true;
  }

  /** Takes the next entries in order. */
  take(limits: TakeLimits): readonly Run<PlayedStream>[] {
    this.#takes++;
    const runs = this.#merge.take(limits);
    for (const { stream, entries } of runs) {
      stream.queuedBytes -= bytesOf(entries);
      const isEmpty = this.#merge.queued(stream) === 0;
      if (!stream.isReading) this.#release(stream, isEmpty ? stream.reserved : 0);
    }
    return runs;
  }

  /**
   * Requests the pages that are required for the next entry, and then those that have room.
   *
   * @param readsAhead whether to request pages that are not required yet
   */
  fill(readsAhead: boolean): void {
    if (this.#staleReads > 0) return;
    if (!this.#request(this.#required()) && !this.#isReading() && this.#merge.head !== undefined) {
      // Entries that wait for those of another stream hold the memory that its page needs.
      this.restart();
      this.#request(this.#required());
    }
    if (!readsAhead) return;
    for (const source of this.#sources.values()) if (this.#hasRoom(source)) this.#request([source]);
  }

  #required(): readonly Source[] {
    const isEnding = this.#merge.head === undefined;
    return this.#merge
      .missing()
      .filter((one) => !one.isReading && !one.isComplete && !(isEnding && one.emptyAt === this.#takes));
  }

  #hasRoom(source: Source): boolean {
    const { isReading, isAtEnd, isComplete, queuedBytes } = source;
    if (isReading || isAtEnd || isComplete || this.#merge.queued(source) === 0) return false;
    return queuedBytes + this.#expectedBytes(source, this.#countOf(source)) <= this.#options.pageBytes;
  }

  #isReading(): boolean {
    for (const { isReading } of this.#sources.values()) if (isReading) return true;
    return false;
  }

  /** Half of what may be read ahead, so that the next page is read while the first one is played. */
  #countOf({ state: { key } }: Source): number {
    const { pageBytes } = this.#options;
    const one = this.#context.streamReader.expectedBytes(key, 1);
    const bytes = Math.min(pageBytes / 2, MOST_BYTES / this.#sources.size);
    return Math.max(1, Math.min(MOST_ENTRIES, Math.floor(bytes / one)));
  }

  #expectedBytes({ state: { key } }: Source, count: number): number {
    return this.#context.streamReader.expectedBytes(key, count);
  }

  /** Requests the next page of each source. @returns false without memory for all of them */
  #request(sources: readonly Source[]): boolean {
    const pages = sources.map((source) => {
      const count = this.#countOf(source);
      return { source, count, bytes: this.#expectedBytes(source, count) };
    });
    const bytes = pages.reduce((sum, page) => sum + page.bytes, 0);
    if (bytes > 0 && !this.#context.reserve(bytes)) return false;
    for (const page of pages) {
      page.source.reserved += page.bytes;
      page.source.reservedForPage = page.bytes;
      page.source.isReading = true;
      this.#read(page.source, page.count);
    }
    return true;
  }

  #read(source: Source, count: number): void {
    const { streamReader } = this.#context;
    const takes = this.#takes;
    const readAt = this.#options.timeOfDay();
    streamReader.readAfter(source.state.key, source.readCursor, count).then(
      (page) => {
        source.isReading = false;
        if (this.#isStale(source)) return;
        this.#onPage(source, page, { takes, readAt });
        this.#options.onPage();
      },
      (error) => {
        source.isReading = false;
        if (this.#isStale(source)) return;
        retryLater(
          error,
          (failure) => this.#context.onError(failure),
          () => this.#options.onPage(),
        );
      },
    );
  }

  /** Whether a read that has ended was for a stream that was restarted. */
  #isStale(source: Source): boolean {
    if (this.#sources.get(source.state) === source) return false;
    this.#staleReads--;
    this.#release(source, source.reserved);
    if (this.#staleReads === 0) this.#options.onPage();
    return true;
  }

  #onPage(
    source: Source,
    { entries, isLast, hasGap, isGone }: Page,
    { takes, readAt }: { readonly takes: number; readonly readAt: number },
  ): void {
    const { end } = this.#options;
    const inRange = entries.filter(({ id }) => compareIds(id, end) <= 0);
    const [first] = inRange;
    // A cursor that was made from a time is no entry that was read before.
    if ((hasGap || isGone) && first !== undefined && source.readCursor !== source.state.madeFromTime)
      source.gapBefore = first.id;
    const last = inRange.at(-1)?.id ?? source.readCursor;
    source.readCursor = last;
    source.isAtEnd = isLast;
    source.isComplete = inRange.length < entries.length || compareIds(last, end) >= 0;
    if (entries.length === 0) source.emptyAt = takes;
    source.queuedBytes += bytesOf(inRange);
    this.#release(source, Math.max(0, source.reserved - source.queuedBytes));
    this.#merge.fill(source, inRange, this.#horizonOf(source, entries.length === 0, readAt));
  }

  #horizonOf(source: Source, isEmpty: boolean, readAt: number): EntryId {
    if (source.isComplete) return LAST_ID;
    if (!source.isAtEnd) return source.readCursor;
    const known = laterId(source.readCursor, idAtTime(Math.max(0, readAt - CLOCK_DIFFERENCE_MS)));
    // Ids may lie in the future: what was just read again has nothing before the entry that waits for it.
    return isEmpty ? laterId(known, this.#merge.head?.id ?? FIRST_ID) : known;
  }

  /** Forgets the entries of a stream. Memory for a page in flight stays reserved until it arrives. */
  #drop(source: Source): void {
    if (source.isReading) this.#staleReads++;
    this.#release(source, source.isReading ? source.reserved - source.reservedForPage : source.reserved);
  }

  #release(source: Source, bytes: number): void {
    if (bytes === 0) return;
    source.reserved -= bytes;
    this.#context.unreserve(bytes);
  }
}
