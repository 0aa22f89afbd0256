/** Buffer of a body that is being received. It grows with the received bytes, and not with the announced length. */
import { releaseChunk, releaseMemory } from "../../websocket-protocol/release-memory.ts";

/** Bytes of the first buffer, unless the body is smaller. */
const FIRST_BYTES = 1024 * 1024;
/** Growth factor of the buffer. A large `Content-Length` alone allocates no memory. */
const GROWTH = 8;

/** Received bytes of one body. */
export class BodyBuffer {
  readonly #most: number;
  #buffer = Buffer.alloc(0);
  #received = 0;

  /** @param most maximum size, or the announced one */
  constructor(most: number) {
    this.#most = most;
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
    const most = this.#most;
    const larger = Buffer.allocUnsafeSlow(
      Math.min(most, Math.max(needed, this.#buffer.length * GROWTH, Math.min(most, FIRST_BYTES))),
    );
    this.#buffer.copy(larger, 0, 0, this.#received);
    if (this.#received > 0) releaseMemory(this.#buffer);
    this.#buffer = larger;
  }
}
