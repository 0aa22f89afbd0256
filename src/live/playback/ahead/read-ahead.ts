/**
 * Read-ahead of a playback: reads pages of each stream before they are due, up to `PAGE_BYTES` per stream, and merges them
 * by entry id.
 */
import { bytesOf } from "../../../domain/streams/entry.ts";
import { type EntryId, FIRST_ID } from "../../../domain/streams/entry-id.ts";
import type { DeliveryContext } from "../../delivery.ts";
import type { StreamState } from "../../stream-state.ts";
import type { PlaybackTimers } from "../timers.ts";
import { PlaybackMerge, type Run, type TakeLimits } from "./merge.ts";
import { PageRequests } from "./page-requests.ts";
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

/** Reads and merges the streams of a playback. */
export class ReadAhead {
  readonly #context: DeliveryContext<unknown>;
  readonly #options: ReadAheadOptions;
  readonly #requests: PageRequests;
  readonly #sources = new Map<StreamState, Source>();
  /** Streams whose queues may have room for another page. */
  readonly #spacious = new Set<Source>();
  #merge = new PlaybackMerge<Source>();
  /** The streams are being read. */
  #isOpen = false;
  #takes = 0;
  /** Forgot all entries in this event-loop turn, in which a client may send more seeks. */
  #isSettling = false;
  #isReporting = false;

  constructor(context: DeliveryContext<unknown>, options: ReadAheadOptions) {
    this.#context = context;
    this.#options = options;
    const { pageBytes, timers, rate } = options;
    this.#requests = new PageRequests(context, {
      ...{ pageBytes, timers, rate },
      streams: () => this.#sources.size,
      onPage: (source, read) => this.#onPage(source, read),
      onEnded: () => this.#report(),
    });
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
    this.#requests.drop(source);
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
    for (const source of this.#sources.values()) this.#requests.drop(source);
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
      if (this.#requests.hasRoom(stream)) this.#spacious.add(stream);
      this.#requests.releaseUnused(stream);
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
    const isDenied = this.#merge.next === undefined && !this.#request(this.#required());
    if (isDenied && !this.#requests.isReading && this.#merge.head !== undefined) {
      // Entries that wait for those of another stream hold the memory that its page needs.
      this.reset();
      return;
    }
    if (!readsAhead || this.#spacious.size === 0 || this.#context.isMemoryShort()) return;
    for (const source of this.#spacious)
      if (!this.#requests.hasRoom(source) || this.#request([source])) this.#spacious.delete(source);
  }

  /** Begins to read the streams after their cursors. @returns false if that has to wait */
  #open(): boolean {
    if (this.#isSettling || this.#requests.isReadingStale) return false;
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

  /** Requests the next page of each source. @returns false without memory for all of them */
  #request(sources: readonly Source[]): boolean {
    const passedHead = (this.#untilPassed() === 0 ? this.#merge.head?.id : undefined) ?? FIRST_ID;
    return this.#requests.request(sources, { takes: this.#takes, passedHead });
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
    this.#requests.releaseUnused(source);
    this.#merge.fill(source, entries, horizonOf(source, read));
  }
}
