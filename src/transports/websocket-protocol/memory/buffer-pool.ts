/**
 * Pool of buffers for large messages. Camera frames would otherwise allocate hundreds of megabytes a second outside the
 * heap, which triggers one full garbage collection after another.
 */
import type { Counters } from "../../../observe/counters.ts";
import { releaseMemory } from "./release-memory.ts";

/** Pool of buffers. */
export interface PayloadPool {
  /** Returns an uninitialized buffer of at least this size. */
  take(bytes: number): Buffer;
  /** Returns a buffer to the pool. If the pool is full, the buffer is freed at once; its views are then empty. */
  give(memory: Buffer): void;
}

/** Binary logarithm of the smallest buffer size. All sizes are powers of two. */
const MIN_BITS = 14;
/** Binary logarithm of the largest size that is kept. */
const MAX_BITS = 20;

/** Creates an empty pool. @param limitBytes maximum size of all kept buffers */
export function createPayloadPool(limitBytes: number, counters: Counters): PayloadPool {
  const free: Buffer[][] = Array.from({ length: MAX_BITS - MIN_BITS + 1 }, () => []);

  const shelfOf = (bytes: number): number => Math.max(0, 32 - Math.clz32(Math.max(1, bytes) - 1) - MIN_BITS);

  return {
    take(bytes) {
      const shelf = shelfOf(bytes);
      const memory = free[shelf]?.pop();
      if (memory === undefined)
        return Buffer.allocUnsafeSlow(shelf < free.length ? 2 ** (shelf + MIN_BITS) : bytes);
      counters.bufferPoolBytes -= memory.length;
      return memory;
    },
    give(memory) {
      const shelf = free[shelfOf(memory.length)];
      if (shelf === undefined || counters.bufferPoolBytes + memory.length > limitBytes) {
        releaseMemory(memory);
        return;
      }
      counters.bufferPoolBytes += memory.length;
      shelf.push(memory);
    },
  };
}
