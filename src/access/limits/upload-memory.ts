/**
 * Memory of uploads: request bodies and WebSocket messages that are being received. An upload reserves in proportion to the
 * bytes that it has received, and an upload that stalls is ended while others wait for memory.
 */

/** An upload that reserves memory. */
export interface Upload {
  /** Bytes that it has received. */
  receivedBytes(): number;
  /** Bytes that it has reserved, received ones included. */
  reservedBytes(): number;
  /** Whether the gateway is not reading it. */
  isPaused(): boolean;
  /** Ends it, because it stalled. */
  end(): void;
}

/** An upload may reserve this many times the bytes that it has received: an announced size alone reserves little. */
const GROWTH = 8;

/**
 * Returns the bytes to reserve for an upload besides those that it has received.
 *
 * @param announced size of the whole upload, as far as the client has announced it
 * @param step minimum size of a reservation, which bounds the number of reservations
 */
export const reservationOf = (received: number, announced: number, step: number): number =>
  Math.min(Math.max(0, announced - received), Math.max(step, received * (GROWTH - 1)));

const CHECK_MS = 1_000;
/** Number of checks without enough progress after which an upload has stalled. Checks and not time, which a busy gateway loses. */
const MAX_CHECKS = 5;
/** Minimum progress, as a part of the reserved bytes: an upload ends after `MAX_CHECKS / MIN_PROGRESS` checks at the latest. */
const MIN_PROGRESS = 1 / 32;
/** Uploads that reserve less than this (bytes) may be slower. */
const MANY_BYTES = 256 * 1024;

/** Progress of an upload. */
interface Progress {
  received: number;
  /** Number of checks since then. */
  checks: number;
}

/** Uploads of a gateway. One timer checks all of them. */
export class Uploads {
  readonly #isShort: () => boolean;
  readonly #onStalled: () => void;
  readonly #all = new Map<Upload, Progress>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param isShort whether anything waits for memory of received data
   * @param onStalled called for each upload that is ended
   */
  constructor(isShort: () => boolean, onStalled: () => void) {
    this.#isShort = isShort;
    this.#onStalled = onStalled;
  }

  /** Starts watching an upload, until `forget`. */
  watch(upload: Upload): void {
    this.#all.set(upload, { received: upload.receivedBytes(), checks: 0 });
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS).unref();
  }

  /** Stops watching an upload: it is complete, or has failed. */
  forget(upload: Upload): void {
    this.#all.delete(upload);
  }

  #check(): void {
    // Not stopped by `forget`, because most uploads are much shorter than an interval.
    if (this.#all.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    for (const [upload, progress] of this.#all) {
      const received = upload.receivedBytes();
      const reserved = upload.reservedBytes();
      if (upload.isPaused() || received - progress.received >= reserved * MIN_PROGRESS) {
        progress.received = received;
        progress.checks = 0;
      } else if (++progress.checks >= MAX_CHECKS && reserved >= MANY_BYTES && this.#isShort()) {
        this.#all.delete(upload);
        this.#onStalled();
        upload.end();
      }
    }
  }
}
