/**
 * Memory of bytes that were written to a connection but not read by its client. A large chunk shared by many readers is
 * counted once, for the first of them, because it is in memory once.
 */
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";
import type { Chunks } from "./chunks.ts";

/** Unread bytes of one connection. */
export interface UnreadMemory {
  /**
   * Updates the count after a write.
   *
   * @param bytes all unread bytes
   * @param written the chunks of this write
   */
  hold(bytes: number, written: readonly Chunks[]): void;
  /** Resets the count: the client read everything, or the connection closed. */
  clear(): void;
  /** Whether the client exceeded its share, or all clients the total. */
  isOver(): boolean;
}

/** Chunks of this size (bytes) or more are counted once for all readers. Smaller ones are copied per connection. */
const SHARED_FROM_BYTES = 64 * 1024;

interface SharedChunk {
  readonly lease: MemoryLease;
  readers: number;
}

const shared = new WeakMap<Chunks, SharedChunk>();

/** Creates the memory counter of one connection. @param open opens a lease */
export function createUnreadMemory(open: () => MemoryLease): UnreadMemory {
  /** Lease of the chunks that are not shared. Opened lazily, because most clients are never slow. */
  let own: MemoryLease | undefined;
  let held: Chunks[] = [];
  let heldBytes = 0;

  function share(chunks: Chunks): void {
    const known = shared.get(chunks);
    if (known === undefined) {
      const lease = open();
      lease.set(chunks.bytes);
      shared.set(chunks, { lease, readers: 1 });
    } else known.readers++;
    held.push(chunks);
    heldBytes += chunks.bytes;
  }

  function unshare(chunks: Chunks): void {
    const known = shared.get(chunks);
    if (known === undefined || --known.readers > 0) return;
    shared.delete(chunks);
    known.lease.release();
  }

  return {
    hold(bytes, written) {
      for (const chunks of written) if (chunks.bytes >= SHARED_FROM_BYTES) share(chunks);
      own ??= open();
      own.set(Math.max(0, bytes - heldBytes));
    },
    clear() {
      own?.set(0);
      if (heldBytes === 0) return;
      for (const chunks of held) unshare(chunks);
      held = [];
      heldBytes = 0;
    },
    isOver: () => own?.isOver() === true,
  };
}
