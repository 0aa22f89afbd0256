/** Time at which a recording stops by itself. */
import type { RecordingRecord } from "../../recordings/recording-record.ts";

/** Longest time of a timer in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Deadline of a recording with `maxSeconds`. */
export class RecordingDeadline {
  readonly #atMs: number;
  readonly #onReached: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor({ started, request }: RecordingRecord, onReached: () => void) {
    this.#atMs = Date.parse(started) + (request.maxSeconds ?? Number.POSITIVE_INFINITY) * 1000;
    this.#onReached = onReached;
  }

  /** Whether the time is over. */
  get isOver(): boolean {
    return this.#atMs <= Date.now();
  }

  /** Waits for the deadline. */
  start(): void {
    const left = this.#atMs - Date.now();
    if (left === Number.POSITIVE_INFINITY) return;
    const wake = () => (left > MAX_TIMER_MS ? this.start() : this.#onReached());
    this.#timer = setTimeout(wake, Math.min(left, MAX_TIMER_MS)).unref();
  }

  /** Ends the wait. */
  cancel(): void {
    clearTimeout(this.#timer);
  }
}
