/** Buffer of a body that is being received. It grows with the received bytes, and not with the announced length. */
import { releaseChunk, releaseMemory } from "../../websocket-protocol/memory/release-memory.ts";

/** Bytes of the first buffer, unless the body is smaller. */
const FIRST_BYTES = 64 * 1024;
/**
 * Received bytes from which the buffer has the size of the whole body. The operating system provides the memory of such a
 * large buffer as it is written; the memory of a smaller one may be in use from the start, so it is at most doubled.
 */
const WHOLE_FROM_BYTES = 32 * 1024 * 1024;

/** Received bytes of one body. */
export class BodyBuffer {
  readonly #max: number;
  #buffer = Buffer.alloc(0);
  #received = 0;

  /** @param max maximum size, or the announced one */
  constructor(max: number) {
    this.#max = max;
  }

  /** Number of received bytes. */
  get received(): number {
    return this.#received;
  }

  /** Appends a chunk, and releases its memory. */
  append(chunk: Buffer): void {
    const needed = this.#received + chunk.length;
    if (needed > this.#buffer.length) this.#grow(needed);
    chunk.copy(this.#buffer, this.#received);
    this.#received = needed;
    releaseChunk(chunk);
  }

  /** Returns the received bytes. */
  whole(): Buffer {
    return this.#buffer.subarray(0, this.#received);
  }

  /** Releases the memory of a body that was rejected. */
  release(): void {
    if (this.#buffer.length > 0) releaseMemory(this.#buffer);
  }

  #grow(needed: number): void {
    const doubled = Math.max(needed, this.#buffer.length * 2, FIRST_BYTES);
    const larger = Buffer.allocUnsafeSlow(
      needed > WHOLE_FROM_BYTES ? this.#max : Math.min(this.#max, doubled),
    );
    this.#buffer.copy(larger, 0, 0, this.#received);
    if (this.#received > 0) releaseMemory(this.#buffer);
    this.#buffer = larger;
  }
}
