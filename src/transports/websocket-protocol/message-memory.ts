/** Memory of the message that a WebSocket is receiving. Reading pauses while the memory budget is used up. */
import type { MemoryLease } from "../../access/limits/memory-budget.ts";

/** Memory account of one socket. */
export interface MessageMemory {
  /**
   * Sets the number of received bytes of the message; 0 when it has been handled.
   *
   * @param announced size of the message at the end of the current frame
   */
  hold(bytes: number, announced: number): void;
  release(): void;
}

/** Reactions of the socket. */
export interface MessageMemoryHandlers {
  /** Stops reading. Data that was already read still arrives. */
  wait(): void;
  goOn(): void;
  /** Called if no memory became free in time. */
  reject(): void;
}

/** Minimum size of a memory request (bytes), which bounds the number of requests of a fragmented message. */
const STEP_BYTES = 256 * 1024;

/** Creates the account of one socket. @param open opens a lease; called at the first large message */
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
      // Requests memory for the complete frame at once, so that two partly received frames cannot block each other.
      const next = Math.max(STEP_BYTES, announced - bytes);
      if (!isWaiting && lease.tryGrow(missing + next)) return;
      // The bytes are in memory already, so they count even over the budget.
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
