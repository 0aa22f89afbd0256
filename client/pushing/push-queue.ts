/** Entries of a push that are not acknowledged: those that wait, and the batches in flight, whose number of bytes is bounded. */
import { createFifo } from "../../src/domain/fifo.ts";
import type { OutgoingEntry } from "../reading/msgpack.ts";
import type { Acknowledged } from "./ack.ts";

/** Limits of one message: well below the gateway's limits, and large enough to make the cost per message negligible. */
const BATCH_BYTES = 256 * 1024;
const BATCH_ENTRIES = 500;

/** An entry and the callback that settles its promise. */
export interface PendingEntry {
  readonly entry: OutgoingEntry;
  readonly bytes: number;
  settle(outcome: Acknowledged): void;
}

/** The entries, in order. */
export class PushQueue {
  readonly #maxInFlightBytes: number;
  readonly #waiting = createFifo<PendingEntry>();
  readonly #inFlight = createFifo<readonly PendingEntry[]>();
  /** Entries that were in flight when the connection closed, and are sent again before those that wait. */
  readonly #returned = createFifo<PendingEntry>();
  #inFlightBytes = 0;

  constructor(maxInFlightBytes: number) {
    this.#maxInFlightBytes = maxInFlightBytes;
  }

  get isEmpty(): boolean {
    return this.#waitingEntries === 0 && this.#inFlight.size === 0;
  }

  /** Number of batches in flight. */
  get batches(): number {
    return this.#inFlight.size;
  }

  /** Number of entries in the oldest batch; undefined without a batch. */
  get oldestLength(): number | undefined {
    return this.#inFlight.oldest?.length;
  }

  /** Whether an entry waits, and there is room in flight. */
  get hasNext(): boolean {
    return this.#waitingEntries > 0 && this.#hasRoom();
  }

  add(pending: PendingEntry): void {
    this.#waiting.add(pending);
  }

  /** Returns the next batch to send, which is in flight then. */
  nextBatch(): readonly PendingEntry[] {
    const batch: PendingEntry[] = [];
    let bytes = 0;
    while (batch.length < BATCH_ENTRIES && bytes < BATCH_BYTES && this.#hasRoom()) {
      const next = this.#returned.take() ?? this.#waiting.take();
      if (next === undefined) break;
      batch.push(next);
      bytes += next.bytes;
      this.#inFlightBytes += next.bytes;
    }
    this.#inFlight.add(batch);
    return batch;
  }

  /** Removes the oldest batch. */
  takeOldest(): readonly PendingEntry[] {
    const batch = this.#inFlight.take() ?? [];
    for (const { bytes } of batch) this.#inFlightBytes -= bytes;
    return batch;
  }

  /** Removes everything in flight. */
  takeInFlight(): readonly PendingEntry[] {
    this.#inFlightBytes = 0;
    return this.#inFlight.takeAll().flat();
  }

  /** Lets everything in flight wait again, before the other entries. */
  returnInFlight(): void {
    for (const pending of [...this.takeInFlight(), ...this.#returned.takeAll()]) this.#returned.add(pending);
  }

  /** Removes the entries that wait. @returns those that were in flight before, and may be stored, and the others */
  takeWaiting(): { readonly returned: readonly PendingEntry[]; readonly others: readonly PendingEntry[] } {
    return { returned: this.#returned.takeAll(), others: this.#waiting.takeAll() };
  }

  get #waitingEntries(): number {
    return this.#returned.size + this.#waiting.size;
  }

  #hasRoom(): boolean {
    return this.#inFlightBytes < this.#maxInFlightBytes;
  }
}
