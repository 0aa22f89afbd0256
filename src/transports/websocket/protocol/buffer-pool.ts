/**
 * Memory for large messages, used again when they are stored. Camera frames would otherwise leave hundreds of megabytes
 * a second outside the heap, which the garbage collector meets with one full collection after another.
 */
import type { Counters } from "../../../observe/counters.ts";
import { releaseMemory } from "./release-memory.ts";

/** Takes and gives memory. */
export interface PayloadPool {
  /** Memory of at least so many bytes, with anything in it. */
  take(bytes: number): Buffer;
  /** Returns memory that is no longer used. What the pool has no place for is freed at once; its views are then empty. */
  give(memory: Buffer): void;
}

/** Sizes are powers of two from this one … */
const LEAST_BITS = 14;
/** … to this one; whatever is larger is not kept. */
const MOST_BITS = 20;

/** Makes an empty pool. @param limitBytes most that it keeps */
export function createPayloadPool(limitBytes: number, counters: Counters): PayloadPool {
  const free: Buffer[][] = Array.from({ length: MOST_BITS - LEAST_BITS + 1 }, () => []);

  const shelfOf = (bytes: number): number =>
    Math.max(0, 32 - Math.clz32(Math.max(1, bytes) - 1) - LEAST_BITS);

  return {
    take(bytes) {
      const shelf = shelfOf(bytes);
      const memory = free[shelf]?.pop();
      if (memory === undefined)
        return Buffer.allocUnsafeSlow(shelf < free.length ? 2 ** (shelf + LEAST_BITS) : bytes);
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
