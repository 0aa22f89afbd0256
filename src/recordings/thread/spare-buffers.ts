/**
 * Buffers of batches that the thread has added, for the next batches. A new buffer costs as much as filling it, because the
 * kernel clears its pages, and V8 counts it until the next collection.
 */

/** Memory that is kept. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Sizes are multiples of this, so that a buffer is suitable for most batches. */
const UNIT_BYTES = 64 * 1024;

/** Buffers that can be used again. */
export class SpareBuffers {
  #buffers: ArrayBuffer[] = [];
  #bytes = 0;

  /** Returns a buffer of at least that size. */
  take(size: number): ArrayBuffer {
    const index = this.#buffers.findIndex(({ byteLength }) => byteLength >= size);
    const [buffer] = index < 0 ? [] : this.#buffers.splice(index, 1);
    if (buffer === undefined) return new ArrayBuffer(Math.ceil(size / UNIT_BYTES) * UNIT_BYTES);
    this.#bytes -= buffer.byteLength;
    return buffer;
  }

  /** Keeps a buffer that nothing uses. The oldest ones are dropped if there are too many. */
  give(buffer: ArrayBuffer): void {
    this.#buffers.push(buffer);
    this.#bytes += buffer.byteLength;
    while (this.#bytes > MAX_BYTES) this.#bytes -= this.#buffers.shift()?.byteLength ?? 0;
  }

  /** Drops all buffers. */
  clear(): void {
    this.#buffers = [];
    this.#bytes = 0;
  }
}
