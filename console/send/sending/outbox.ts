/** Entries that wait for the gateway, oldest first. Beyond the limit the oldest are dropped, and counted by the caller. */

/** An entry that waits or is in flight. */
export interface OutgoingItem {
  /** Position in the order in which the entries were made. */
  readonly number: number;
  readonly data: Uint8Array;
}

/** The waiting entries of one stream. */
export class Outbox {
  readonly #maxBytes: number;
  #items: OutgoingItem[] = [];
  #made = 0;
  bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Number of waiting entries. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an entry. @returns the number of entries that were dropped for it */
  add(data: Uint8Array): number {
    this.#items.push({ number: this.#made++, data });
    this.bytes += data.length;
    return this.#dropOldest();
  }

  /** Puts an entry that could not be stored back to its position. @returns the number of entries that were dropped for it */
  restore(item: OutgoingItem): number {
    const at = this.#items.findIndex(({ number }) => number > item.number);
    this.#items.splice(at < 0 ? this.#items.length : at, 0, item);
    this.bytes += item.data.length;
    return this.#dropOldest();
  }

  /** Removes the oldest entry. */
  take(): OutgoingItem | undefined {
    const item = this.#items.shift();
    this.bytes -= item?.data.length ?? 0;
    return item;
  }

  /** Removes all entries. @returns their number */
  clear(): number {
    const { length } = this.#items;
    this.#items = [];
    this.bytes = 0;
    return length;
  }

  #dropOldest(): number {
    let dropped = 0;
    while (this.bytes > this.#maxBytes && this.take() !== undefined) dropped++;
    return dropped;
  }
}
