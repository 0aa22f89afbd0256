/** Clock of a replay: when an entry is due, at a rate, with pauses and jumps. */

/** Maps times of a recording to times of this process. */
export class PlayClock {
  readonly #rate: number;
  readonly #now: () => number;
  /** Time of the recording at `#atMs`, ms. */
  #positionMs: number;
  #atMs: number;
  #isPaused: boolean;

  /** @param rate speed; 0 is as fast as possible @param now monotonic clock, ms */
  constructor(rate: number, positionMs: number, isPaused: boolean, now: () => number) {
    this.#rate = rate;
    this.#now = now;
    this.#positionMs = positionMs;
    this.#atMs = now();
    this.#isPaused = isPaused;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Time of the recording now, ms. */
  get positionMs(): number {
    return this.#isPaused ? this.#positionMs : this.#positionMs + (this.#now() - this.#atMs) * this.#rate;
  }

  /** Returns the delay until an entry is due, ms; undefined while paused. */
  delayMs(timeMs: number): number | undefined {
    if (this.#isPaused) return undefined;
    return this.#rate === 0 ? 0 : Math.max(0, (timeMs - this.positionMs) / this.#rate);
  }

  setPaused(isPaused: boolean): void {
    this.jump(this.positionMs);
    this.#isPaused = isPaused;
  }

  /** Continues at a time of the recording. */
  jump(positionMs: number): void {
    this.#positionMs = positionMs;
    this.#atMs = this.#now();
  }

  /** Continues at an entry's time: at rate 0 the clock does not advance by itself. */
  reached(timeMs: number): void {
    if (this.#rate === 0) this.jump(timeMs);
  }
}
