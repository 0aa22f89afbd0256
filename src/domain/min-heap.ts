/** Binary heap: takes the least of its items in O(log n). */

/** A heap in the order of a comparison. */
export class MinHeap<T> {
  readonly #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  /** @param compare returns a negative number if `a` precedes `b` */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Returns the least item. */
  peek(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1);
  }

  /** Removes and returns the least item. */
  take(): T | undefined {
    const [first] = this.#items;
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return first;
  }

  /** Removes an item, if it is there. */
  remove(item: T): void {
    const at = this.#items.indexOf(item);
    if (at < 0) return;
    const last = this.#items.pop();
    if (last === undefined || at === this.#items.length) return;
    this.#items[at] = last;
    this.#rise(at);
    this.#sink(at);
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfLess(at, parent)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      const min = this.#precedes(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfLess(min, at)) return;
      at = min;
    }
  }

  #precedes(a: number, b: number): boolean {
    const [first, second] = [this.#items[a], this.#items[b]];
    return first !== undefined && second !== undefined && this.#compare(first, second) < 0;
  }

  /** Swaps the items at two places if the one at `a` precedes the one at `b`. @returns whether it does */
  #swapIfLess(a: number, b: number): boolean {
    const [first, second] = [this.#items[a], this.#items[b]];
    if (first === undefined || second === undefined || this.#compare(first, second) >= 0) return false;
    this.#items[a] = second;
    this.#items[b] = first;
    return true;
  }
}
