/** Rate of stored entries and bytes, over the last seconds. */

/** Length of the window, ms. */
const WINDOW_MS = 3000;

/** Entries and bytes per second. */
export interface Rate {
  readonly entries: number;
  readonly bytes: number;
}

/** Measures a rate. */
export class Meter {
  readonly #now: () => number;
  #stored: { readonly ms: number; readonly bytes: number }[] = [];
  #startedMs: number;

  /** @param now clock in ms, which never runs backwards */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedMs = now();
  }

  /** Counts an entry. */
  add(bytes: number): void {
    this.#stored.push({ ms: this.#now(), bytes });
  }

  /** The rate over the window, or since the start if that is shorter. */
  get rate(): Rate {
    const now = this.#now();
    this.#stored = this.#stored.filter(({ ms }) => now - ms < WINDOW_MS);
    const seconds = Math.max(0.5, Math.min(WINDOW_MS, now - this.#startedMs) / 1000);
    const bytes = this.#stored.reduce((sum, one) => sum + one.bytes, 0);
    return { entries: this.#stored.length / seconds, bytes: bytes / seconds };
  }

  /** Resets the counts. */
  restart(): void {
    this.#stored = [];
    this.#startedMs = this.#now();
  }
}
