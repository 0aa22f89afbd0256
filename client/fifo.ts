/** A first-in-first-out queue that takes an item out in constant time, which `Array.shift` does not. */

/** A queue of items. It has no bound of its own: who adds to it checks one. */
export interface Fifo<T> {
  readonly size: number;
  /** The item that `take` would take. */
  readonly oldest: T | undefined;
  add(item: T): void;
  /** Takes the oldest item out; undefined where there is none. */
  take(): T | undefined;
  /** Takes all items out, oldest first. */
  takeAll(): T[];
}

/** Items taken from the front before the array is cut, so that cutting costs little per item. */
const CUT_AT = 1024;

/** Makes an empty queue. */
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
      } else if (head >= CUT_AT && head * 2 >= items.length) {
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
