/**
 * Displayed entries of an open stream, bounded in entries and bytes. Received entries are displayed together at intervals,
 * because each display renders the page.
 */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { PulledEntry } from "../../client/browser.ts";

/** Rate of received entries, per second. */
export interface Rate {
  readonly entries: number;
  readonly bytes: number;
}

/** Bounds of the buffer: some seconds of a fast sensor. */
const MAX_ENTRIES = 4000;
const MAX_BYTES = 16e6;
/** Default interval at which received entries are displayed, ms. */
const DISPLAY_MS = 50;
const NO_RATE: Rate = { entries: 0, bytes: 0 };

/** The displayed and the pending entries of a stream, with their rate and gaps. */
export class FeedBuffer {
  readonly #entries = signal<readonly PulledEntry[]>([]);
  readonly #rate = signal(NO_RATE);
  readonly #gaps = signal(0);
  readonly #rateTimer: ReturnType<typeof setInterval>;
  readonly #displayMs: number;
  /** Received entries that are not displayed yet. */
  #pending: PulledEntry[] = [];
  #pendingBytes = 0;
  #displayTimer: ReturnType<typeof setTimeout> | undefined;
  #received = NO_RATE;

  /** @param displayMs interval at which received entries are displayed */
  constructor(displayMs = DISPLAY_MS) {
    this.#displayMs = displayMs;
    this.#rateTimer = setInterval(() => {
      this.#rate.value = this.#received;
      this.#received = NO_RATE;
    }, 1000);
  }

  /** The displayed entries, oldest first. */
  get entries(): ReadonlySignal<readonly PulledEntry[]> {
    return this.#entries;
  }

  /** Rate over the last second. */
  get rate(): ReadonlySignal<Rate> {
    return this.#rate;
  }

  /** Number of gaps before received entries. */
  get gaps(): ReadonlySignal<number> {
    return this.#gaps;
  }

  /** Adds a received entry. @param isImmediate whether to display it at once */
  receive(entry: PulledEntry, isImmediate: boolean): void {
    const { entries, bytes } = this.#received;
    this.#received = { entries: entries + 1, bytes: bytes + entry.data.length };
    if (entry.gap) this.#gaps.value++;
    this.#pending.push(entry);
    this.#pendingBytes += entry.data.length;
    if (isImmediate || this.#pending.length >= MAX_ENTRIES || this.#pendingBytes >= MAX_BYTES) this.display();
    else this.#displayTimer ??= setTimeout(() => this.display(), this.#displayMs);
  }

  /** Displays the pending entries. */
  display(): void {
    clearTimeout(this.#displayTimer);
    this.#displayTimer = undefined;
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.dropPending();
    this.append(pending);
  }

  /** Drops the entries that are not displayed yet. */
  dropPending(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  /** Displays entries after the displayed ones. */
  append(entries: readonly PulledEntry[]): void {
    this.#entries.value = bounded([...this.#entries.value, ...entries]);
  }

  /** Displays other entries. */
  replace(entries: readonly PulledEntry[]): void {
    this.#entries.value = entries;
  }

  /** Stops the timers. */
  stop(): void {
    clearInterval(this.#rateTimer);
    clearTimeout(this.#displayTimer);
  }
}

/** Returns the newest entries that fit into the buffer. */
function bounded(all: readonly PulledEntry[]): readonly PulledEntry[] {
  let bytes = 0;
  let from = all.length;
  while (from > 0 && all.length - from < MAX_ENTRIES) {
    bytes += all[from - 1]?.data.length ?? 0;
    if (bytes > MAX_BYTES && from < all.length) break;
    from--;
  }
  return all.slice(from);
}
