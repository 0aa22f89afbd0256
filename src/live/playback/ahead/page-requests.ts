/** Requests of a read-ahead: the size of each page, the memory for it and for the entries that wait, and reads in flight. */
import type { DeliveryContext } from "../../delivery.ts";
import { retryLater } from "../../retry.ts";
import type { PlaybackTimers } from "../timers.ts";
import type { ReadPage, Source } from "./source.ts";

/** Options of the requests of one playback. */
export interface PageRequestOptions {
  /** Maximum bytes read ahead per stream. */
  readonly pageBytes: number;
  readonly timers: PlaybackTimers;
  /** Returns the rate of the playback. */
  readonly rate: () => number;
  /** Returns the number of streams. */
  readonly streams: () => number;
  /** Takes a page over. Not called if the entries of the stream were forgotten meanwhile. */
  readonly onPage: (source: Source, read: ReadPage) => void;
  /** Called when further pages may be requested. */
  readonly onEnded: () => void;
}

/** State of the read-ahead when it requests a page. */
export type RequestTime = Pick<ReadPage, "takes" | "passedHead">;

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

/** Requests pages of the streams of one playback. */
export class PageRequests {
  readonly #context: DeliveryContext<unknown>;
  readonly #options: PageRequestOptions;
  /** Reads in flight whose entries are wanted. */
  #reads = 0;
  /** Reads in flight whose entries were forgotten. */
  #staleReads = 0;

  constructor(context: DeliveryContext<unknown>, options: PageRequestOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Whether pages are being read. */
  get isReading(): boolean {
    return this.#reads > 0;
  }

  /** Whether pages are being read that are no longer wanted. The next ones wait for them, so that a client cannot start many. */
  get isReadingStale(): boolean {
    return this.#staleReads > 0;
  }

  /** Whether a stream has room for another page. */
  hasRoom(source: Source): boolean {
    const { isReading, isAtEnd, isComplete, queued, queuedBytes, msPerEntry = 0 } = source;
    if (isReading || isAtEnd || isComplete || queued === 0) return false;
    const rate = this.#options.rate();
    if (rate > 0 && queued * msPerEntry > (PAGE_MS.usual / 2) * rate) return false;
    return queuedBytes + this.#expectedBytes(source, this.#countOf(source)) <= this.#options.pageBytes;
  }

  /** Requests the next page of each source. @returns false without memory for all of them */
  request(sources: readonly Source[], time: RequestTime): boolean {
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
      this.#read(page.source, page.count, time);
    }
    return true;
  }

  /** Ends the reservation for what a stream no longer holds, nor reads. */
  releaseUnused(source: Source): void {
    const needed = source.queuedBytes + (source.isReading ? source.reservedForPage : 0);
    this.#release(source, Math.max(0, source.reserved - needed));
  }

  /** Forgets the entries of a stream. Memory for a page in flight stays reserved until it arrives. */
  drop(source: Source): void {
    source.isDropped = true;
    if (source.isReading) {
      this.#reads--;
      this.#staleReads++;
    }
    this.#release(source, source.isReading ? source.reserved - source.reservedForPage : source.reserved);
  }

  /** At most half of the read-ahead limit, so that the next page is read while the first one is played. */
  #countOf({ state: { key }, msPerEntry }: Source): number {
    const { pageBytes } = this.#options;
    const one = this.#context.streamReader.expectedBytes(key, 1);
    const bytes = Math.min(pageBytes / 2, MAX_BYTES / this.#options.streams());
    const rate = this.#options.rate();
    const pageMs = this.#context.isMemoryShort() ? PAGE_MS.short : PAGE_MS.usual;
    const inTime = msPerEntry === undefined ? FIRST_ENTRIES : Math.ceil((pageMs * rate) / msPerEntry);
    const max = rate === 0 ? MAX_ENTRIES : Math.min(MAX_ENTRIES, inTime);
    return Math.max(1, Math.min(max, Math.floor(bytes / one)));
  }

  #expectedBytes({ state: { key } }: Source, count: number): number {
    return this.#context.streamReader.expectedBytes(key, count);
  }

  #read(source: Source, count: number, { takes, passedHead }: RequestTime): void {
    const { timers, onPage, onEnded } = this.#options;
    const readAt = timers.timeOfDay();
    const fail = (error: unknown) => this.#context.onError(error);
    this.#context.streamReader
      .readAfter(source.state.key, source.readCursor, count)
      .then(
        (page) => {
          if (this.#isStale(source)) return;
          onPage(source, { page, takes, readAt, passedHead, arrivedAt: timers.now() });
          onEnded();
        },
        (error) => {
          if (this.#isStale(source)) return;
          this.#release(source, source.reservedForPage);
          retryLater(error, fail, onEnded);
        },
      )
      .catch(fail);
  }

  /** Ends a read. @returns whether its entries were forgotten */
  #isStale(source: Source): boolean {
    source.isReading = false;
    if (!source.isDropped) {
      this.#reads--;
      return false;
    }
    this.#staleReads--;
    this.#release(source, source.reserved);
    if (this.#staleReads === 0) this.#options.onEnded();
    return true;
  }

  #release(source: Source, bytes: number): void {
    if (bytes === 0) return;
    source.reserved -= bytes;
    this.#context.unreserve(bytes);
  }
}
