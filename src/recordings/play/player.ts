/** Plays entries: delivers each one when it is due, and takes commands while it runs. */
import type { Entry } from "../../domain/streams/entry.ts";
import { timeOfId } from "../../domain/streams/entry-id.ts";
import { PlayClock } from "./play-clock.ts";

/** An entry with its time. */
export interface TimedEntry {
  readonly entry: Pick<Entry, "id">;
}

/** Entries, range, speed and clock of a replay. */
export interface PlayerOptions<E extends TimedEntry> {
  /** Range in ms since 1970, both included. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Returns the entries from a time on, up to `toMs`, in the order of their ids. */
  readonly read: (fromMs: number) => AsyncGenerator<E, void, undefined>;
  /** Speed; 0 is as fast as possible. */
  readonly rate: number;
  readonly isPaused: boolean;
  readonly signal: AbortSignal;
  /** Monotonic clock, ms. */
  readonly now: () => number;
}

/** Maximum wait before the clock is read again, ms. */
const LONGEST_WAIT_MS = 60_000;
/** Shortest delay of a timer, ms. */
const MIN_DELAY_MS = 1;

/** Plays entries. */
export class Player<E extends TimedEntry> {
  readonly #options: PlayerOptions<E>;
  readonly #clock: PlayClock;
  #isPaused: boolean;
  /** The clock is stopped because entries cannot be stored. */
  #isHeld = false;
  /** Time that a command selected, until the entries are read from there. */
  #soughtMs: number | undefined;
  /** Ends the wait for the next entry. */
  #wake: () => void = () => undefined;

  constructor(options: PlayerOptions<E>) {
    this.#options = options;
    this.#isPaused = options.isPaused;
    this.#clock = new PlayClock(options.rate, options.fromMs, options.isPaused, options.now);
  }

  /** Time of the recording now, ms. */
  get positionMs(): number {
    return Math.min(this.#clock.positionMs, this.#options.toMs);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * Delivers all entries from the beginning, until the end or the signal.
   *
   * @param deliver the next entry waits until it resolves @throws Error of `read` or `deliver`
   */
  async play(deliver: (entry: E) => void | Promise<void>): Promise<void> {
    const { signal } = this.#options;
    const aborted = () => this.#wake();
    signal.addEventListener("abort", aborted);
    try {
      this.#soughtMs = this.#options.fromMs;
      while (this.#soughtMs !== undefined && !signal.aborted) {
        const fromMs = this.#soughtMs;
        this.#soughtMs = undefined;
        this.#clock.jump(fromMs);
        await this.#playFrom(fromMs, deliver);
      }
    } finally {
      signal.removeEventListener("abort", aborted);
    }
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#setClock();
  }

  /** Stops the clock while entries cannot be stored, so that they keep their pace afterwards. */
  setHeld(isHeld: boolean): void {
    this.#isHeld = isHeld;
    this.#setClock();
  }

  /** @param seconds negative to go back */
  seek(seconds: number): void {
    const { fromMs, toMs } = this.#options;
    const wantedMs = (this.#soughtMs ?? this.#clock.positionMs) + seconds * 1e3;
    this.#soughtMs = Math.min(toMs, Math.max(fromMs, wantedMs));
    this.#wake();
  }

  async #playFrom(fromMs: number, deliver: (entry: E) => void | Promise<void>): Promise<void> {
    const { read, signal } = this.#options;
    for await (const one of read(fromMs)) {
      const timeMs = timeOfId(one.entry.id);
      if (!(await this.#isDue(timeMs)) || signal.aborted) return;
      this.#clock.reached(timeMs);
      await deliver(one);
    }
  }

  /** Waits until a time is reached. @returns false if a seek or the signal ends the wait */
  async #isDue(timeMs: number): Promise<boolean> {
    while (!this.#options.signal.aborted) {
      if (this.#soughtMs !== undefined) return false;
      const delayMs = this.#clock.delayMs(timeMs);
      if (delayMs !== undefined && delayMs < MIN_DELAY_MS) return true;
      await this.#wait(Math.min(delayMs ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS));
    }
    return false;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake(), ms);
      this.#wake = () => {
        this.#wake = () => undefined;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #setClock(): void {
    this.#clock.setPaused(this.#isPaused || this.#isHeld);
    this.#wake();
  }
}
