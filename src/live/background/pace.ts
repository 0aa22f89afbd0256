/**
 * Background subscriptions, such as recordings: while clients are served, all of them together read history at a limited rate.
 * Reading it at full speed would use the processor, Redis and the disk for as long as it takes, and delay every client.
 *
 * The rate includes twice what clients store meanwhile, so that a background subscription catches up. It does not apply to a
 * stream that is about to be trimmed where it is read: full speed may save entries that would otherwise be missing.
 */
import { type ClientActivity, ENTRY_BYTES } from "../../domain/scheduling/client-activity.ts";
import type { Counters } from "../../observe/counters.ts";

/** Bytes per second (docs/decisions/0025-record-into-mcap-files.md has the delays of clients at other rates). */
const BYTES_PER_SECOND = 32 * 1024 * 1024;
/** Further bytes per second for each byte that clients store. */
const PER_STORED_BYTE = 2;

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

  /** Returns the time in ms before another page is read. @param maxDelay it is read at once if it would wait for longer */
  delayAfter(bytes: number, entries: number, maxDelay = Number.POSITIVE_INFINITY): number {
    if (!this.isSlow()) return 0;
    const rate = BYTES_PER_SECOND + PER_STORED_BYTE * this.#activity.storedPerSecond();
    const now = this.now();
    const nextAt = Math.max(this.#nextAt, now) + ((bytes + entries * ENTRY_BYTES) / rate) * 1000;
    const delay = nextAt - now;
    if (delay > maxDelay) return 0;
    this.#nextAt = nextAt;
    return delay;
  }

  /** Counts the time in ms in which a subscription waited. */
  waited(ms: number): void {
    this.#counters.recordingDelaySeconds += ms / 1000;
  }
}
