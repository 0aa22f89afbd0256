/** WebSocket that can be held: not read for a time, regardless of other calls of `pause` and `resume`. */
import type { ServerWebSocket } from "../sockets/socket.ts";

/** Socket that can be held. */
export interface HoldableSocket extends ServerWebSocket {
  /** Stops reading for a time (ms). @param more called afterwards; returns the additional time (ms), 0 to continue */
  hold(ms: number, more: () => number): void;
}

/** Adds `hold` to a socket. */
export function makeHoldable(webSocket: ServerWebSocket): HoldableSocket {
  /** End of the hold in ms of `performance.now()`; 0 if the socket is not held. */
  let heldUntil = 0;
  let isPausedByOthers = false;

  function release(more: () => number): void {
    // Timers may fire early, and messages that were already received may have extended the hold.
    const left = heldUntil - performance.now();
    const waitMs = left > 0 ? Math.ceil(left) : more();
    if (waitMs > 0) {
      setTimeout(release, waitMs, more);
      return;
    }
    heldUntil = 0;
    if (!isPausedByOthers) webSocket.resume();
  }

  return {
    ...webSocket,
    pause() {
      isPausedByOthers = true;
      webSocket.pause();
    },
    resume() {
      isPausedByOthers = false;
      if (heldUntil === 0) webSocket.resume();
    },
    hold(ms, more) {
      const isHeld = heldUntil > 0;
      heldUntil = Math.max(heldUntil, performance.now() + ms);
      if (isHeld) return;
      webSocket.pause();
      setTimeout(release, ms, more);
    },
  };
}
