/**
 * Background subscriptions, such as recordings: while clients are served, all of them together read history at a limited rate.
 * Reading it at full speed would use the processor, Redis and the disk for as long as it takes, and delay every client.
 *
 * The rate includes twice what clients store meanwhile, so that a background subscription catches up. It does not apply to a
 * stream that is about to be trimmed where it is read: full speed may save entries that would otherwise be missing.
 */
import type { ClientActivity } from "../domain/scheduling/client-activity.ts";
import { type EntryId, timeOfId } from "../domain/streams/entry-id.ts";
import type { Counters } from "../observe/counters.ts";
import type { SharedPage } from "./cache/history-page.ts";

/** Bytes per second (docs/decisions/0025-record-into-mcap-files.md has the delays of clients at other rates). */
const BYTES_PER_SECOND = 32 * 1024 * 1024;
/** Further bytes per second for each byte that clients store. */
const PER_STORED_BYTE = 2;
/** Cost of an entry besides its bytes: small entries take time, too. */
const ENTRY_BYTES = 1024;
/** Maximum entries in a page at this rate, so that no page takes long. */
const MAX_ENTRIES = 256;
/** A reader is about to be overtaken by trimming in this first part of the time that the stream spans. */
const FIRST_PART = 0.1;
/** Time (ms) after a delay during which a subscription counts as slowed down. */
const SLOWED_MS = 1000;

/** Dependencies of the pace. */
export interface BackgroundPaceParts {
  readonly activity: ClientActivity;
  readonly counters: Counters;
  /** Time in ms. @default that of the process */
  readonly now?: () => number;
  /** Time in ms since 1970, as in entry ids. @default that of the system */
  readonly date?: () => number;
}

/** Pace of all background subscriptions of a process. */
export class BackgroundPace {
  readonly #activity: ClientActivity;
  readonly #counters: Counters;
  readonly now: () => number;
  readonly date: () => number;
  /** Time at which the next page may be read. */
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor({
    activity,
    counters,
    now = () => performance.now(),
    date = () => Date.now(),
  }: BackgroundPaceParts) {
    this.#activity = activity;
    this.#counters = counters;
    this.now = now;
    this.date = date;
  }

  /** Whether clients are served. */
  isSlow(): boolean {
    return this.#activity.isRecent();
  }

  /** Returns the time in ms before another page is read. */
  delayAfter(bytes: number, entries: number): number {
    if (!this.isSlow()) return 0;
    const rate = BYTES_PER_SECOND + PER_STORED_BYTE * this.#activity.storedPerSecond();
    const now = this.now();
    this.#nextAt = Math.max(this.#nextAt, now) + ((bytes + entries * ENTRY_BYTES) / rate) * 1000;
    const delay = this.#nextAt - now;
    this.#counters.recordingDelaySeconds += delay / 1000;
    return delay;
  }
}

/** Controls of a background subscription. */
export interface BackgroundControls {
  /** Reads at full speed from now on. */
  hurry(): void;
  /** Whether it reads history slowly, because clients are served. */
  isSlowed(): boolean;
}

/** The reads of one background subscription. */
export class BackgroundReads implements BackgroundControls {
  readonly #pace: BackgroundPace;
  #isHurrying = false;
  #slowedUntil = Number.NEGATIVE_INFINITY;

  constructor(pace: BackgroundPace) {
    this.#pace = pace;
  }

  hurry(): void {
    this.#isHurrying = true;
  }

  isSlowed(): boolean {
    return this.#pace.now() < this.#slowedUntil;
  }

  /** Returns the maximum number of entries in the next page; undefined without a limit of its own. */
  maxEntries(): number | undefined {
    return !this.#isHurrying && this.#pace.isSlow() ? MAX_ENTRIES : undefined;
  }

  /** Returns the time in ms before the next page of a stream is read. @param cursor before the page */
  delayAfter(stream: BackgroundStream, cursor: EntryId, page: SharedPage): number {
    const { batch } = page;
    const isUrgent = stream.isUrgent(cursor, page.oldest, this.#pace.date()) || this.#isHurrying;
    if (batch === undefined || page.isLast || isUrgent) return 0;
    const entries = "entries" in batch ? batch.entries.length : batch.count;
    const delay = this.#pace.delayAfter(batch.bytes, entries);
    if (delay > 0) this.#slowedUntil = this.#pace.now() + delay + SLOWED_MS;
    return delay;
  }
}

/** What a background subscription knows about the trimming of a stream. */
export class BackgroundStream {
  /** First entry of the stream when it was read first. */
  #first: EntryId | undefined;

  /**
   * Whether the next entries may be trimmed soon.
   *
   * @param cursor before a page @param oldest first entry of the stream, if it is known @param date time in ms since 1970
   */
  isUrgent(cursor: EntryId, oldest: EntryId | undefined, date: number): boolean {
    if (oldest === undefined) return false;
    this.#first ??= oldest;
    if (oldest === this.#first) return false;
    const start = timeOfId(oldest);
    return timeOfId(cursor) - start < (date - start) * FIRST_PART;
  }
}
