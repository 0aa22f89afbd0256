/** First-in-first-out queue with constant-time removal, which `Array.shift` does not have. */

/** A queue of items. It is unbounded: the code that adds items enforces the limit. */
export interface Fifo<T> {
  readonly size: number;
  /** The item that `take` would return. */
  readonly oldest: T | undefined;
  add(item: T): void;
  /** Removes and returns the oldest item; undefined if the queue is empty. */
  take(): T | undefined;
  /** Removes and returns all items, oldest first. */
  takeAll(): T[];
}

/** Number of removed items before the array is compacted, so that compaction costs little per item. */
const COMPACT_AT = 1024;

/** Creates an empty queue. */
export function createFifo<T>(): Fifo<T> {
  let items: (T | undefined)[] = [];
  let head = 0;
  return {
    get size() {
      return items.length - head;
    },
    get oldest() {
      return items[head];
    },
    add(item) {
      items.push(item);
    },
    take() {
      if (head === items.length) return undefined;
      const item = items[head];
      items[head] = undefined;
      head++;
      if (head === items.length) {
        items = [];
        head = 0;
      } else if (head >= COMPACT_AT && head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
    takeAll() {
      const rest = items.slice(head) as T[];
      items = [];
      head = 0;
      return rest;
    },
  };
}
