/** Memory of the message that a WebSocket is receiving: without room nothing more is read until there is. */
import type { MemoryLease } from "../../../access/limits/memory-budget.ts";

/** Counts a message while it is assembled. */
export interface MessageMemory {
  /**
   * Sets the bytes of the message so far; 0 when it has been handled.
   *
   * @param announced bytes of the message at the end of its frame
   */
  hold(bytes: number, announced: number): void;
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

/** Memory of a message in fragments is asked for in steps of this size (bytes). */
const STEP_BYTES = 256 * 1024;

/** Makes the memory of one socket. @param open opens a lease, at the first large message */
export function createMessageMemory(
  open: () => MemoryLease,
  { wait, goOn, reject }: MessageMemoryHandlers,
): MessageMemory {
  let lease: MemoryLease | undefined;
  let isWaiting = false;
  return {
    hold(bytes, announced) {
      if (bytes === 0) {
        if (!isWaiting) lease?.set(0);
        return;
      }
      lease ??= open();
      const missing = bytes - lease.bytes();
      if (missing <= 0) return;
      // The whole frame, once something of it has arrived: then no two frames wait for each other.
      const next = Math.max(STEP_BYTES, announced - bytes);
      if (!isWaiting && lease.tryGrow(missing + next)) return;
      // It is here already.
      lease.set(bytes);
      if (isWaiting) return;
      isWaiting = true;
      wait();
      lease.whenRoom(next, (granted) => {
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
