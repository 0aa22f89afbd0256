/** Reads of a background subscription: small pages with delays between them, unless they are urgent (`pace.ts`). */
import { type EntryId, timeOfId } from "../../domain/streams/entry-id.ts";
import type { SharedPage } from "../cache/history-page.ts";
import type { BackgroundPace } from "./pace.ts";

/** Maximum entries in a page at this rate, so that no page takes long. */
const MAX_ENTRIES = 256;
/** A reader is about to be overtaken by trimming in this first part of the time that the stream spans. */
const FIRST_PART = 0.1;
/** Time (ms) after a delay during which a subscription counts as slowed down. */
const SLOWED_MS = 1000;

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
