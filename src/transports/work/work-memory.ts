/** Memory of the entries of one worker: reserved before they are read, and held until they are written to its connection. */
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import type { ConsumerMemory } from "../../redis/groups/consumer-options.ts";

/** Counts entries in a lease. */
export class WorkMemory implements ConsumerMemory {
  readonly #lease: MemoryLease;
  readonly #bytesPerByte: number;
  readonly #onRoom: () => void;
  #used = 0;
  #isWaiting = false;
  /** A reservation failed because of entries that are held. */
  #isDenied = false;

  /**
   * @param bytesPerByte memory per byte of entries
   * @param onRoom called after a reservation that failed, when there is room for it
   */
  constructor(lease: MemoryLease, bytesPerByte: number, onRoom: () => void) {
    this.#lease = lease;
    this.#bytesPerByte = bytesPerByte;
    this.#onRoom = onRoom;
  }

  reserve(bytes: number): boolean {
    if (this.#isWaiting) return false;
    const wanted = bytes * this.#bytesPerByte;
    const missing = this.#used + wanted - this.#lease.bytes();
    if (missing <= 0 || this.#lease.tryGrow(missing)) {
      this.#used += wanted;
      return true;
    }
    // The others end soon.
    if (this.#used > 0) {
      this.#isDenied = true;
      return false;
    }
    // No timeout: without entries, the worker waits for its stream, too. Hence it waits for all bytes, not only for those missing.
    this.#isWaiting = true;
    this.#lease.set(0);
    this.#lease.whenRoom(wanted, () => this.#granted(), Number.POSITIVE_INFINITY);
    return false;
  }

  unreserve(bytes: number): void {
    this.#used -= bytes * this.#bytesPerByte;
    if (this.#isWaiting) return;
    this.#lease.set(this.#used);
    if (!this.#isDenied) return;
    this.#isDenied = false;
    this.#onRoom();
  }

  /** Counts entries that have been read. @returns a function that ends it */
  hold(bytes: number): () => void {
    this.#used += bytes * this.#bytesPerByte;
    this.#lease.set(this.#used);
    return () => this.unreserve(bytes);
  }

  release(): void {
    this.#lease.release();
  }

  #granted(): void {
    this.#isWaiting = false;
    this.#onRoom();
    // The consumer reads at the end of this event-loop turn. It may not need the memory any more.
    setImmediate(() => this.#lease.set(this.#used));
  }
}
