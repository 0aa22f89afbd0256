/**
 * Buffers of batches that the thread has added, for the next batches, and of chunks that clients have received, for the next
 * chunks. A new buffer costs as much as filling it, because the kernel clears its pages, and V8 counts it until the next
 * collection.
 */
import { freeMemory } from "./free-memory.ts";

/** Memory that is kept. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Minimum size of a buffer that is worth keeping. */
export const MIN_SPARE_BYTES = 64 * 1024;

/** Returns the size of a new buffer: a power of two, so that few buffers are suitable for all. Memory that is not used costs nothing. */
const sizeFor = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(size, MIN_SPARE_BYTES)));

/** Buffers that can be used again. */
export class SpareBuffers {
  #buffers: ArrayBuffer[] = [];
  #bytes = 0;

  /** Returns a buffer of at least that size. */
  take(size: number): ArrayBuffer {
    let found: ArrayBuffer | undefined;
    for (const buffer of this.#buffers)
      if (buffer.byteLength >= size && buffer.byteLength < (found?.byteLength ?? Number.POSITIVE_INFINITY))
        found = buffer;
    if (found === undefined) return new ArrayBuffer(sizeFor(size));
    this.#buffers.splice(this.#buffers.indexOf(found), 1);
    this.#bytes -= found.byteLength;
    return found;
  }

  /** Keeps a buffer that nothing uses. The oldest ones are freed if there are too many. */
  give(buffer: ArrayBuffer): void {
    this.#buffers.push(buffer);
    this.#bytes += buffer.byteLength;
    while (this.#bytes > MAX_BYTES) this.#free(this.#buffers.shift());
  }

  /** Frees all buffers. */
  clear(): void {
    for (const buffer of this.#buffers) this.#free(buffer);
    this.#buffers = [];
  }

  #free(buffer: ArrayBuffer | undefined): void {
    if (buffer === undefined) return;
    this.#bytes -= buffer.byteLength;
    freeMemory(new Uint8Array(buffer));
  }
}
