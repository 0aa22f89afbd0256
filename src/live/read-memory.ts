/** Memory of the entries that a reader has read and not yet written. If there is none, the reader pauses until there is. */
import type { Reservation } from "./sink.ts";

/** A reader that can be paused. */
export interface PausableReader {
  pause(reason: "memory"): void;
  resume(reason: "memory"): void;
}

/** Memory of one subscription. */
export class ReadMemory {
  readonly #reservation: Reservation;
  readonly #reader: PausableReader;
  /** Reserved bytes of reads in flight. */
  #reserved = 0;
  #isWaiting = false;

  constructor(reservation: Reservation, reader: PausableReader) {
    this.#reservation = reservation;
    this.#reader = reader;
  }

  /** See `DeliveryContext.reserve`. */
  reserve(bytes: number): boolean {
    // A playback that is paused may try again.
    if (this.#isWaiting) return false;
    const reservation = this.#reservation;
    const missing = this.#reserved + bytes - reservation.bytes();
    if (missing <= 0 || reservation.tryGrow(missing)) {
      this.#reserved += bytes;
      return true;
    }
    // Reads in flight continue, and the delivery retries when one ends.
    if (this.#reserved > 0) return false;
    this.#reader.pause("memory");
    // No timeout: a paused reader holds no memory. Hence it waits for all bytes, not only for the missing ones.
    reservation.set(0);
    this.#isWaiting = true;
    reservation.whenRoom(bytes, () => this.#onRoom(), Number.POSITIVE_INFINITY);
    return false;
  }

  /** See `DeliveryContext.unreserve`. */
  unreserve(bytes: number): void {
    this.#reserved -= bytes;
    this.#reservation.set(this.#reserved);
  }

  /** See `DeliveryContext.isMemoryShort`. */
  isShort(): boolean {
    return this.#reservation.isShort?.() === true;
  }

  /** Releases all memory. */
  release(): void {
    this.#reservation.release();
  }

  #onRoom(): void {
    this.#isWaiting = false;
    this.#reader.resume("memory");
    // Keep only the memory in use. A reader that became live without a read would hold the rest forever.
    this.#reservation.set(this.#reserved);
  }
}
