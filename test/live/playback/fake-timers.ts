/** Clock and timers that a test moves by hand. */
import type { PlaybackTimer, PlaybackTimers } from "../../../src/live/playback/timers.ts";

/** Timers on a clock that stands still until it is moved. */
export class FakeTimers implements PlaybackTimers {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  timeOfDay(): number {
    return Date.now();
  }

  after(ms: number, callback: () => void): PlaybackTimer {
    const timer = { at: this.#now + Math.max(1, ms), callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Number of timers that wait. */
  get size(): number {
    return this.#timers.size;
  }

  /** Moves the clock to the next timer, at most to `until`, and fires it. @returns whether there was one */
  fireNext(until = Number.POSITIVE_INFINITY): boolean {
    const [first] = [...this.#timers].sort((a, b) => a.at - b.at);
    if (first === undefined || first.at > until) return false;
    this.#timers.delete(first);
    this.#now = Math.max(this.#now, first.at);
    first.callback();
    return true;
  }

  /** Moves the clock. Fires no timer. */
  moveTo(now: number): void {
    this.#now = Math.max(this.#now, now);
  }
}
