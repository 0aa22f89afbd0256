/**
 * Read-ahead of a playback: reads pages of each stream before they are due, up to `PAGE_BYTES` per stream, and merges them
 * by entry id.
 */
import { bytesOf } from "../../../domain/streams/entry.ts";
import { type EntryId, FIRST_ID } from "../../../domain/streams/entry-id.ts";
import type { DeliveryContext } from "../../delivery.ts";
import { retryLater } from "../../retry.ts";
import type { StreamState } from "../../stream-state.ts";
import type { PlaybackTimers } from "../timers.ts";
import { PlaybackMerge, type Run, type TakeLimits } from "./merge.ts";
import {
  horizonOf,
  openSource,
  type PlayedStream,
  type ReadPage,
  type Source,
  takePage,
  untilPassed,
} from "./source.ts";

/** Options of a read-ahead. */
export interface ReadAheadOptions {
  /** The last entry id of the range. */
  readonly end: EntryId;
  /** Maximum bytes read ahead per stream. */
  readonly pageBytes: number;
  readonly timers: PlaybackTimers;
  /** Returns the rate of the playback. */
  readonly rate: () => number;
  /** Called when pages have arrived. Does not throw. */
  readonly onPage: () => void;
}

/** Maximum bytes read ahead by one playback. With many streams, each has its part. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Maximum entries in a page. */
const MAX_ENTRIES = 4096;
/** Entries of the first page, from which the time between entries is learned. */
const FIRST_ENTRIES = 32;
/**
 * A page lasts for about this time (ms), and the next one is read after half of it. More would hold memory for nothing. If
 * others wait for memory, pages are shorter, and none is read ahead.
 */
const PAGE_MS = { usual: 1000, short: 250 };

/** Reads and merges the streams of a playback. */
export class ReadAhead {
  readonly #context: DeliveryContext<unknown>;
  readonly #options: ReadAheadOptions;
  readonly #sources = new Map<StreamState, Source>();
  /** Streams whose queues may have room for another page. */
  readonly #spacious = new Set<Source>();
  #merge = new PlaybackMerge<Source>();
  /** The streams are being read. */
  #isOpen = false;
  #takes = 0;
  /** Reads in flight whose entries are wanted. */
  #reads = 0;
  /** Reads in flight whose entries were forgotten. The next ones wait for them, so that a client cannot start many. */
  #staleReads = 0;
  /** Forgot all entries in this event-loop turn, in which a client may send more seeks. */
  #isSettling = false;
  #isReporting = false;

  constructor(context: DeliveryContext<unknown>, options: ReadAheadOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Reads another stream after its cursor. */
  add(state: StreamState): void {
    if (this.#isOpen) this.#addSource(state);
  }

  /** Ends reading a stream, and forgets its entries. */
  remove(state: StreamState): void {
    const source = this.#sources.get(state);
    if (source === undefined) return;
    this.#sources.delete(state);
    this.#spacious.delete(source);
    this.#merge.remove(source);
    this.#drop(source);
  }

  /**
   * Forgets all entries. `fill` reads all streams again after their cursors, in the next event-loop turn and once the reads in
   * flight have ended. Until then, further calls cost nothing, however many streams there are.
   */
  reset(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#isSettling = true;
    setImmediate(() => {
      this.#isSettling = false;
      this.#options.onPage();
    });
    for (const source of this.#sources.values()) this.#drop(source);
    this.#sources.clear();
    this.#spacious.clear();
    this.#merge = new PlaybackMerge();
  }

  /** The next entry; undefined if it is not known yet, or there is none. */
  get next(): EntryId | undefined {
    return this.#merge.next?.id;
  }

  /** Time (ms) until the streams that block the next entry are read again; 0 if it does not wait for a time. */
  get delayMs(): number {
    return this.#merge.next === undefined ? this.#untilPassed() : 0;
  }

  /** Whether all entries of the range have been taken, and no stream had another one after that. */
  get isAtEnd(): boolean {
    if (!this.#isOpen || this.#merge.head !== undefined) return false;
    for (const { isComplete, emptyAt } of this.#sources.values())
      if (!isComplete && emptyAt < this.#takes) return false;
    return true;
  }

  /** Takes the next entries in order. */
  take(limits: TakeLimits): readonly Run<PlayedStream>[] {
    this.#takes++;
    const runs = this.#merge.take(limits);
    for (const { stream, entries } of runs) {
      stream.queued -= entries.length;
      stream.queuedBytes -= bytesOf(entries);
      if (this.#hasRoom(stream)) this.#spacious.add(stream);
      const needed = stream.queuedBytes + (stream.isReading ? stream.reservedForPage : 0);
      this.#release(stream, Math.max(0, stream.reserved - needed));
    }
    return runs;
  }

  /**
   * Requests the pages that are required for the next entry, and then those that have room.
   *
   * @param readsAhead whether to request pages that are not required yet
   */
  fill(readsAhead: boolean): void {
    if (!this.#open()) return;
    const isReady = this.#merge.next !== undefined;
    if (!isReady && !this.#request(this.#required()) && this.#reads === 0 && this.#merge.head !== undefined) {
      // Entries that wait for those of another stream hold the memory that its page needs.
      this.reset();
      return;
    }
    if (!readsAhead || this.#spacious.size === 0 || this.#context.isMemoryShort()) return;
    for (const source of this.#spacious)
      if (!this.#hasRoom(source) || this.#request([source])) this.#spacious.delete(source);
  }

  /** Begins to read the streams after their cursors. @returns false if that has to wait */
  #open(): boolean {
    if (this.#isSettling || this.#staleReads > 0) return false;
    if (this.#isOpen) return true;
    this.#isOpen = true;
    for (const state of this.#context.states) this.#addSource(state);
    return true;
  }

  #addSource(state: StreamState): void {
    const source = openSource(state);
    this.#sources.set(state, source);
    this.#merge.add(source);
  }

  #required(): readonly Source[] {
    const isEnding = this.#merge.head === undefined;
    const isEarly = this.delayMs > 0;
    return this.#merge
      .missing()
      .filter(
        (one) =>
          !one.isReading &&
          !one.isComplete &&
          !(isEnding && one.emptyAt === this.#takes) &&
          !(isEarly && one.isAtEnd),
      );
  }

  /** Time (ms) until the millisecond of the first queued entry has passed in Redis. */
  #untilPassed(): number {
    const { head, headStream } = this.#merge;
    if (head === undefined || headStream === undefined) return 0;
    const { timers } = this.#options;
    return untilPassed(head.id, headStream, timers.now(), timers.timeOfDay());
  }

  #hasRoom(source: Source): boolean {
    const { isReading, isAtEnd, isComplete, queued, queuedBytes } = source;
    if (isReading || isAtEnd || isComplete || queued === 0) return false;
    const rate = this.#options.rate();
    if (rate > 0 && queued * (source.msPerEntry ?? 0) > (PAGE_MS.usual / 2) * rate) return false;
    return queuedBytes + this.#expectedBytes(source, this.#countOf(source)) <= this.#options.pageBytes;
  }

  /** At most half of the read-ahead limit, so that the next page is read while the first one is played. */
  #countOf({ state: { key }, msPerEntry }: Source): number {
    const { pageBytes } = this.#options;
    const one = this.#context.streamReader.expectedBytes(key, 1);
    const bytes = Math.min(pageBytes / 2, MAX_BYTES / this.#sources.size);
    const rate = this.#options.rate();
    const pageMs = this.#context.isMemoryShort() ? PAGE_MS.short : PAGE_MS.usual;
    const inTime = msPerEntry === undefined ? FIRST_ENTRIES : Math.ceil((pageMs * rate) / msPerEntry);
    const max = rate === 0 ? MAX_ENTRIES : Math.min(MAX_ENTRIES, inTime);
    return Math.max(1, Math.min(max, Math.floor(bytes / one)));
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
      this.#reads++;
      this.#read(page.source, page.count);
    }
    return true;
  }

  #read(source: Source, count: number): void {
    const { streamReader } = this.#context;
    const { timers } = this.#options;
    const takes = this.#takes;
    const readAt = timers.timeOfDay();
    const passedHead = (this.#untilPassed() === 0 ? this.#merge.head?.id : undefined) ?? FIRST_ID;
    const fail = (error: unknown) => this.#context.onError(error);
    streamReader
      .readAfter(source.state.key, source.readCursor, count)
      .then(
        (page) => {
          if (this.#isStale(source)) return;
          this.#onPage(source, { page, takes, readAt, passedHead, arrivedAt: timers.now() });
          this.#report();
        },
        (error) => {
          if (this.#isStale(source)) return;
          this.#release(source, source.reservedForPage);
          retryLater(error, fail, () => this.#report());
        },
      )
      .catch(fail);
  }

  /** Ends a read. @returns whether its entries were forgotten */
  #isStale(source: Source): boolean {
    source.isReading = false;
    if (this.#sources.get(source.state) === source) {
      this.#reads--;
      return false;
    }
    this.#staleReads--;
    this.#release(source, source.reserved);
    if (this.#staleReads === 0) this.#report();
    return true;
  }

  /** Reports pages once for all that arrived together, because then all streams are looked at. */
  #report(): void {
    if (this.#isReporting) return;
    this.#isReporting = true;
    queueMicrotask(() => {
      this.#isReporting = false;
      this.#options.onPage();
    });
  }

  #onPage(source: Source, read: ReadPage): void {
    const entries = takePage(source, read, this.#options.end);
    this.#spacious.add(source);
    this.#release(source, Math.max(0, source.reserved - source.queuedBytes));
    this.#merge.fill(source, entries, horizonOf(source, read));
  }

  /** Forgets the entries of a stream. Memory for a page in flight stays reserved until it arrives. */
  #drop(source: Source): void {
    if (source.isReading) {
      this.#reads--;
      this.#staleReads++;
    }
    this.#release(source, source.isReading ? source.reserved - source.reservedForPage : source.reserved);
  }

  #release(source: Source, bytes: number): void {
    if (bytes === 0) return;
    source.reserved -= bytes;
    this.#context.unreserve(bytes);
  }
}
