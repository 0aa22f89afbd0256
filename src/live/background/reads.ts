/** Reads of a background subscription: small pages with delays between them, unless they are urgent (`pace.ts`). */
import { type EntryId, timeOfId } from "../../domain/streams/entry-id.ts";
import type { SharedPage } from "../cache/history-page.ts";
import type { BackgroundPace } from "./pace.ts";

/** Maximum entries in a page at this rate, so that no page takes long. */
const MAX_ENTRIES = 256;
/** A reader is about to be overtaken by trimming in this first part of the time that the stream spans. */
const FIRST_PART = 0.1;
/** Part of the time between the first entry and the reader, for which it may wait: trimming may be faster than the clock. */
const WAIT_PART = 0.5;
/** Time (ms) after a delay during which a subscription counts as slowed down. */
const SLOWED_MS = 1000;

/** Controls of a background subscription. */
export interface BackgroundControls {
  /** Reads at full speed from now on. */
  hurry(): void;
  /** Whether it reads history slowly, because clients are served. */
  isSlowed(): boolean;
}

/** A delay of a stream. */
interface Rest {
  readonly ended: Promise<void>;
  /** Ends it early. */
  end(): void;
}

/** The reads of one background subscription. */
export class BackgroundReads implements BackgroundControls {
  readonly #pace: BackgroundPace;
  #isHurrying = false;
  #slowedUntil = Number.NEGATIVE_INFINITY;
  /** Ends each of the rests. */
  readonly #rests = new Set<() => void>();
  /** Time until which rests are counted. */
  #countedUntil = 0;

  constructor(pace: BackgroundPace) {
    this.#pace = pace;
  }

  hurry(): void {
    this.#isHurrying = true;
    this.close();
  }

  /** Ends all delays. */
  close(): void {
    for (const end of this.#rests) end();
  }

  isSlowed(): boolean {
    return this.#pace.now() < this.#slowedUntil;
  }

  /** Returns the maximum number of entries in the next page; undefined without a limit of its own. */
  maxEntries(): number | undefined {
    return !this.#isHurrying && this.#pace.isSlow() ? MAX_ENTRIES : undefined;
  }

  /** Returns the time in ms before the next page is read. @param maxDelay it is read at once if it would wait for longer */
  delayAfter({ batch, isLast }: SharedPage, maxDelay: number): number {
    if (batch === undefined || isLast || this.#isHurrying) return 0;
    const entries = "entries" in batch ? batch.entries.length : batch.count;
    const delay = this.#pace.delayAfter(batch.bytes, entries, maxDelay);
    if (delay > 0) this.#slowedUntil = this.#pace.now() + delay + SLOWED_MS;
    return delay;
  }

  /** Returns the time in ms since 1970. */
  date(): number {
    return this.#pace.date();
  }

  /** Begins to wait for a delay, until it hurries, or until it is closed. */
  rest(ms: number): Rest {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      const timer = setTimeout(() => end(), ms);
      end = () => {
        clearTimeout(timer);
        this.#countRest();
        this.#rests.delete(end);
        resolve();
      };
    });
    this.#countRest();
    this.#rests.add(end);
    return { ended, end };
  }

  /** Counts the time since the number of rests changed. Rests of several streams overlap, and count once. */
  #countRest(): void {
    const now = this.#pace.now();
    if (this.#rests.size > 0) this.#pace.waited(now - this.#countedUntil);
    this.#countedUntil = now;
  }
}

/** One stream of a background subscription: its delay, and whether trimming is about to overtake its cursor. */
export class BackgroundStream {
  readonly #reads: BackgroundReads;
  /** First entry of the stream when it was read first. */
  #first: EntryId | undefined;
  #delay = 0;
  #rest: Rest | undefined;

  constructor(reads: BackgroundReads) {
    this.#reads = reads;
  }

  /** Time in ms before the next page is read. */
  get delay(): number {
    return this.#delay;
  }

  /** Computes the delay after a page. @param cursor before the page */
  arrived(page: SharedPage, cursor: EntryId): void {
    this.#delay = this.#reads.delayAfter(page, this.#maxDelay(cursor, page.oldest));
  }

  /** The stream is live: its next page is read without a delay. */
  reachedEnd(): void {
    this.#delay = 0;
  }

  /** Waits for the delay, until the subscription hurries, or until the stream is removed. */
  rest(): Promise<void> {
    this.#rest = this.#reads.rest(this.#delay);
    return this.#rest.ended;
  }

  /** Ends the delay of a stream that is removed. */
  close(): void {
    this.#rest?.end();
  }

  /**
   * Returns the longest delay in ms in which the next entries are not trimmed, as far as is known. All streams share one pace, so
   * the delay of a page may be many seconds.
   *
   * @param cursor before a page @param oldest first entry of the stream, if it is known
   */
  #maxDelay(cursor: EntryId, oldest: EntryId | undefined): number {
    if (oldest === undefined) return Number.POSITIVE_INFINITY;
    this.#first ??= oldest;
    // Trimming is seen when it has removed an entry, so the first delay of each stream is not limited.
    if (oldest === this.#first) return Number.POSITIVE_INFINITY;
    const start = timeOfId(oldest);
    const ahead = timeOfId(cursor) - start;
    return ahead < (this.#reads.date() - start) * FIRST_PART ? 0 : ahead * WAIT_PART;
  }
}
