/**
 * Slices of long work. Parsing or encoding megabytes would block the event loop for too long, so it runs in slices, and other
 * clients are served between them. All sliced work shares one slice per event-loop turn, regardless of the number of clients.
 */
import type { AcceptPressure } from "./accept-pressure.ts";

/** Default of the time (ms) that sliced work may take in one event-loop turn. */
const SLICE_MS = 5;

/** The slices of one piece of work. */
export interface Slices {
  /** Whether the current slice has used its time. */
  isOver(): boolean;
  /** Resolves after other work has run, and begins a new slice. */
  next(): Promise<void>;
}

/** Divides work into slices. */
export class WorkSlices {
  readonly #pressure: AcceptPressure;
  readonly #sliceMs: number;
  /** Work that waits for its next slice, oldest first. */
  readonly #waiting: (() => void)[] = [];
  /** Time at which the first slice of this turn began, in ms of `performance.now()`; undefined before it does. */
  #turnStartedAt: number | undefined;

  /** @param pressure turns without sliced work @param sliceMs time that sliced work may take in one event-loop turn */
  constructor(pressure: AcceptPressure, sliceMs = SLICE_MS) {
    this.#pressure = pressure;
    this.#sliceMs = sliceMs;
  }

  /** Begins the first slice of a piece of work. */
  begin(): Slices {
    this.#start();
    return {
      isOver: () => performance.now() - this.#start() >= this.#sliceMs,
      next: () =>
        new Promise<void>((resolve) => {
          this.#waiting.push(resolve);
          this.#start();
        }),
    };
  }

  /**
   * Runs a generator in slices. It may stop at each `yield`, so the work between two of them has to be short.
   *
   * @returns what the generator returns
   * @throws the generator's error
   */
  async run<T>(work: Iterator<void, T>): Promise<T> {
    const slices = this.begin();
    for (;;) {
      if (slices.isOver()) await slices.next();
      const step = work.next();
      if (step.done) return step.value;
    }
  }

  /**
   * Runs a generator in slices while its result is still needed.
   *
   * @param isNeeded checked before each slice after the first
   * @returns what the generator returns; undefined if it was stopped
   * @throws the generator's error
   */
  async runWhileNeeded<T>(work: Iterator<void, T>, isNeeded: () => boolean): Promise<T | undefined> {
    const slices = this.begin();
    for (;;) {
      if (slices.isOver()) {
        await slices.next();
        if (!isNeeded()) return undefined;
      }
      const step = work.next();
      if (step.done) return step.value;
    }
  }

  /** Starts the slice of this turn. @returns when it began */
  #start(): number {
    if (this.#turnStartedAt === undefined) {
      this.#turnStartedAt = performance.now();
      // Not a microtask: sockets are only served between two event-loop turns.
      setImmediate(this.#endTurn);
    }
    return this.#turnStartedAt;
  }

  readonly #endTurn = (): void => {
    if (this.#pressure.shouldYield()) {
      setImmediate(this.#endTurn);
      return;
    }
    this.#turnStartedAt = undefined;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#start();
    next();
  };
}
