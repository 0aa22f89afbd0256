/** Memory of the message that a WebSocket is receiving: without room nothing more is read until there is. */
import type { MemoryLease } from "../../access/memory-budget.ts";

/** Counts a message while it is assembled. */
export interface MessageMemory {
  /** Sets the bytes of the message so far; 0 when it has been handled. */
  hold(bytes: number): void;
  release(): void;
}

/** How a socket reacts. */
export interface MessageMemoryHandlers {
  /** Stops reading. What has been read already still arrives. */
  wait(): void;
  goOn(): void;
  /** There was no room for the longest wait. */
  reject(): void;
}

/** Memory is asked for in steps of this size (bytes). */
const STEP_BYTES = 256 * 1024;

/** Makes the memory of one socket. @param open opens a lease, at the first large message */
export function createMessageMemory(
  open: () => MemoryLease,
  { wait, goOn, reject }: MessageMemoryHandlers,
): MessageMemory {
  let lease: MemoryLease | undefined;
  let isWaiting = false;
  return {
    hold(bytes) {
      if (bytes === 0) {
        if (!isWaiting) lease?.set(0);
        return;
      }
      lease ??= open();
      const missing = bytes - lease.bytes();
      if (missing <= 0) return;
      if (!isWaiting && lease.tryGrow(missing + STEP_BYTES)) return;
      // It is here already.
      lease.set(bytes);
      if (isWaiting) return;
      isWaiting = true;
      wait();
      lease.whenRoom(STEP_BYTES, (granted) => {
        isWaiting = false;
        if (granted) goOn();
        else reject();
      });
    },
    release() {
      lease?.release();
    },
  };
}
