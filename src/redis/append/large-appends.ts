/**
 * Large appends, over a connection of their own. Redis replies in order, and a socket takes some hundred kilobytes in a turn of
 * the event loop. So a small append behind one of 60 MB would wait for hundreds of turns. Parts of large batches are sent a few
 * megabytes at a time, and clients take turns.
 */
import { InFlightGate } from "../../domain/scheduling/in-flight-gate.ts";
import type { NewEntry } from "../../domain/streams/entry.ts";
import { appendBytesOf, partsOf } from "./append-parts.ts";
import type { Append, AppendResult } from "./appender.ts";

/** Batches from this size (bytes) are large. */
const LARGE_BYTES = 1024 * 1024;
/** Bytes of parts that are sent and not stored yet. */
const BYTES_AT_ONCE = { small: 0, max: 4 * 1024 * 1024 };

/** Appends large batches. */
export class LargeAppends {
  readonly #append: Append;
  readonly #gate = new InFlightGate(BYTES_AT_ONCE);

  /** @param append uses a connection of its own, so other appends may overtake it */
  constructor(append: Append) {
    this.#append = append;
  }

  /**
   * Stores entries in order. Small appends that are sent meanwhile may be stored before, after or between them, and so may small
   * ones that were sent earlier and are not acknowledged.
   *
   * @param client takes turns with the others
   * @returns one result per entry, in order; live readers do not use the payloads' memory
   */
  async store(client: string, entries: readonly NewEntry[]): Promise<readonly AppendResult[]> {
    const parts = Array.from(partsOf(entries), ({ entries: part, bytes }) =>
      this.#gate.run({
        client,
        size: () => bytes,
        send: () => new Promise<readonly AppendResult[]>((resolve) => this.#append(part, resolve)),
      }),
    );
    return (await Promise.all(parts)).flat();
  }
}

/** Whether a batch is large. */
export const isLargeAppend = (entries: readonly NewEntry[]): boolean => appendBytesOf(entries) >= LARGE_BYTES;

/** Whether a batch in a message of this size may be large. */
export const mayBeLargeAppend = (bytes: number): boolean => bytes >= LARGE_BYTES;
