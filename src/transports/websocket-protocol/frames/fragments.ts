/**
 * Fragments of a message, concatenated in a pool buffer. Separate buffers for tiny fragments would take many times their
 * size.
 */
import type { PayloadPool } from "../memory/buffer-pool.ts";

/** The fragments of the current message. */
export class Fragments {
  readonly #pool: PayloadPool;
  readonly #maxMessageBytes: number;
  #memory: Buffer | undefined;
  #bytes = 0;

  constructor(pool: PayloadPool, maxMessageBytes: number) {
    this.#pool = pool;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Whether no fragment has a payload. */
  get isEmpty(): boolean {
    return this.#memory === undefined;
  }

  /** Size of the fragments. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the first fragment over with its memory. */
  begin(payload: Buffer, memory: Buffer): void {
    this.#memory = memory;
    this.#bytes = payload.length;
  }

  /** Appends a copy of a fragment. */
  append(payload: Buffer): void {
    const bytes = this.#bytes + payload.length;
    const memory = this.#memory;
    const target =
      memory === undefined
        ? this.#pool.take(bytes)
        : withRoom(
            this.#pool,
            memory,
            this.#bytes,
            bytes,
            Math.min(memory.length * 2, this.#maxMessageBytes),
          );
    payload.copy(target, this.#bytes);
    this.#memory = target;
    this.#bytes = bytes;
  }

  /** Removes and returns the message, with the memory that it lies in. */
  take(): { readonly bytes: Buffer; readonly memory: Buffer | undefined } {
    const memory = this.#memory;
    const bytes = memory?.subarray(0, this.#bytes) ?? Buffer.alloc(0);
    this.#memory = undefined;
    this.#bytes = 0;
    return { bytes, memory };
  }

  /** Frees the fragments. */
  discard(): void {
    if (this.#memory !== undefined) this.#pool.give(this.#memory);
    this.#memory = undefined;
    this.#bytes = 0;
  }
}

/** Returns a buffer with room for `bytes`: `target`, or a copy of at least `size`. @param used bytes to copy */
export function withRoom(
  pool: PayloadPool,
  target: Buffer,
  used: number,
  bytes: number,
  size: number,
): Buffer {
  if (target.length >= bytes) return target;
  const larger = pool.take(Math.max(bytes, size));
  target.copy(larger, 0, 0, used);
  pool.give(target);
  return larger;
}
