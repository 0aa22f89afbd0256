/**
 * Back-off of a consumer that settles nothing. Without it, a client with thousands of permits and a short `ack_wait` would keep
 * Redis busy with redeliveries. When entries that it received again expire, too, it receives nothing for a while, which doubles
 * each time. Any settlement ends that.
 *
 *     redelivery ──ack_wait / 2──▶ paused ──▶ ack_wait + ack_wait · 2ⁿ after the redelivery: the next one
 *
 * The pause begins before the entries expire, because a scan may find them in Redis before they expire here.
 */

/** Longest pause, in ms. */
const MAX_MS = 5000;

/** Pauses of one consumer. */
export class UnsettledBackoff {
  readonly #ackWaitMs: number;
  readonly #onEnd: () => void;
  /** Redeliveries in a row that were not settled. */
  #rounds = 0;
  /** Start of the next pause, in ms of `performance.now()`. */
  #startsAt = Number.POSITIVE_INFINITY;
  #end: NodeJS.Timeout | undefined;

  /** @param onEnd called when a pause ends */
  constructor(ackWaitMs: number, onEnd: () => void) {
    this.#ackWaitMs = ackWaitMs;
    this.#onEnd = onEnd;
  }

  /** Whether the consumer currently receives nothing. */
  get isPaused(): boolean {
    return performance.now() >= this.#startsAt;
  }

  /** Call when the consumer receives unsettled entries again. Those that arrive before the pause count once. */
  redelivered(): void {
    // With a longer wait, redeliveries are rare anyway.
    if (this.#end !== undefined || this.#ackWaitMs >= MAX_MS) return;
    const pauseMs = Math.min(this.#ackWaitMs * 2 ** this.#rounds, MAX_MS);
    this.#rounds++;
    this.#startsAt = performance.now() + this.#ackWaitMs / 2;
    this.#end = setTimeout(() => this.#resume(), this.#ackWaitMs + pauseMs);
  }

  /** Call when the client has settled entries, or works on them. */
  settled(): void {
    this.#rounds = 0;
    if (this.#end !== undefined) this.#resume();
  }

  close(): void {
    clearTimeout(this.#end);
    this.#end = undefined;
    this.#startsAt = Number.POSITIVE_INFINITY;
  }

  #resume(): void {
    this.close();
    this.#onEnd();
  }
}
