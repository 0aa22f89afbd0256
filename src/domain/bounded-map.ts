/** Map with a maximum number of keys. A new key beyond it evicts the oldest one. */
export class BoundedMap<Value> {
  readonly #max: number;
  readonly #values = new Map<string, Value>();

  /** @param max maximum number of keys */
  constructor(max: number) {
    this.#max = max;
  }

  /** Returns the value of a key. */
  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** Sets the value of a key. A known key keeps its age; delete it first to make it the newest. */
  set(key: string, value: Value): void {
    const values = this.#values;
    values.set(key, value);
    if (values.size <= this.#max) return;
    // Only the first key is taken from the iterator.
    for (const oldest of values.keys()) {
      values.delete(oldest);
      break;
    }
  }

  /** Deletes a key. Does nothing if it is unknown. */
  delete(key: string): void {
    this.#values.delete(key);
  }
}
