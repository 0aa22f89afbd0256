/**
 * Back-off of a consumer that settles nothing. Without it, a client with thousands of permits and a short `ack_wait` would keep
 * Redis busy with redeliveries. From the second time in a row that its entries expire, it receives nothing for a while, which
 * doubles each time. Any settlement ends that.
 */

/** Longest pause, in ms. */
const MOST_MS = 5000;

/** Pauses of one consumer. */
export class UnsettledBackoff {
  readonly #ackWaitMs: number;
  readonly #onEnd: () => void;
  /** Times in a row that entries were not settled in time. */
  #rounds = 0;
  /** When the current round ends, in ms of `performance.now()`: entries that were sent together need not expire together. */
  #roundEndsAt = 0;
  #pause: NodeJS.Timeout | undefined;

  /** @param onEnd called when a pause ends */
  constructor(ackWaitMs: number, onEnd: () => void) {
    this.#ackWaitMs = ackWaitMs;
    this.#onEnd = onEnd;
  }

  /** Whether the consumer receives nothing at present. */
  get isPaused(): boolean {
    return this.#pause !== undefined;
  }

  /** Entries were not settled in time. */
  expired(now = performance.now()): void {
    if (this.isPaused || now < this.#roundEndsAt) return;
    this.#roundEndsAt = now + this.#ackWaitMs;
    const pauseMs = this.#rounds === 0 ? 0 : Math.min(this.#ackWaitMs * 2 ** (this.#rounds - 1), MOST_MS);
    this.#rounds++;
    // With a longer wait, redeliveries are rare anyway.
    if (pauseMs === 0 || this.#ackWaitMs >= MOST_MS) return;
    this.#pause = setTimeout(() => this.#end(), pauseMs);
  }

  /** The client has settled entries, or works on them. */
  settled(): void {
    this.#rounds = 0;
    if (this.isPaused) this.#end();
  }

  close(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  #end(): void {
    this.close();
    this.#onEnd();
  }
}
