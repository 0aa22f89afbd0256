/** Memory of the entries that a reader or a worker has read and not yet written. If there is none, it waits until there is. */
import type { Reservation } from "../sink.ts";

/** Reactions of a reader whose reservation fails. */
export interface ReadMemoryEvents {
  /** Called if the reader waits, because nothing that it holds would make room. */
  onWait?(): void;
  /** Memory is available again, after `onWait`. */
  onRoom(): void;
  /** Memory that was held when a reservation failed is free again. */
  onFreed?(): void;
}

/** Memory of one reader, counted in a reservation. */
export class ReadMemory {
  readonly #reservation: Reservation;
  readonly #events: ReadMemoryEvents;
  readonly #bytesPerByte: number;
  /** Bytes of reads in flight and of entries that are held. */
  #used = 0;
  #isWaiting = false;
  /** A reservation failed because of bytes in use. */
  #isDenied = false;

  /** @param bytesPerByte memory per byte of entries */
  constructor(reservation: Reservation, events: ReadMemoryEvents, bytesPerByte = 1) {
    this.#reservation = reservation;
    this.#events = events;
    this.#bytesPerByte = bytesPerByte;
  }

  /** Reserves memory for entries that are about to be read. @returns whether there was room */
  reserve(bytes: number): boolean {
    // A playback that is paused may try again.
    if (this.#isWaiting) return false;
    const reservation = this.#reservation;
    const wanted = bytes * this.#bytesPerByte;
    const missing = this.#used + wanted - reservation.bytes();
    if (missing <= 0 || reservation.tryGrow(missing)) {
      this.#used += wanted;
      return true;
    }
    // The memory in use is free soon.
    if (this.#used > 0) {
      this.#isDenied = true;
      return false;
    }
    this.#events.onWait?.();
    // No timeout: a waiting reader holds no memory. Hence it waits for all bytes, not only for the missing ones.
    reservation.set(0);
    this.#isWaiting = true;
    reservation.whenRoom(wanted, () => this.#granted(), Number.POSITIVE_INFINITY);
    return false;
  }

  /** Ends a reservation, or the hold of entries. */
  unreserve(bytes: number): void {
    this.#used -= bytes * this.#bytesPerByte;
    if (this.#isWaiting) return;
    this.#reservation.set(this.#used);
    if (!this.#isDenied) return;
    this.#isDenied = false;
    this.#events.onFreed?.();
  }

  /** Counts entries that have been read. @returns a function that ends it */
  hold(bytes: number): () => void {
    this.#used += bytes * this.#bytesPerByte;
    this.#reservation.set(this.#used);
    return () => this.unreserve(bytes);
  }

  /** Whether other readers wait for memory. */
  isShort(): boolean {
    return this.#reservation.isShort?.() === true;
  }

  /** Releases all memory. */
  release(): void {
    this.#reservation.release();
  }

  #granted(): void {
    this.#isWaiting = false;
    this.#events.onRoom();
    // The reader reads by the end of this event-loop turn. One that became live without a read would hold the rest forever.
    setImmediate(() => {
      if (!this.#isWaiting) this.#reservation.set(this.#used);
    });
  }
}
