/** A WebSocket that can be held: not read for a time, whoever else pauses and resumes it meanwhile. */
import type { ServerWebSocket } from "./protocol/socket.ts";

/** A socket that can be held. */
export interface HoldableSocket extends ServerWebSocket {
  /** Reads nothing for a time (ms). @param more asked then: how much longer (ms); 0 goes on */
  hold(ms: number, more: () => number): void;
}

/** Makes a socket holdable. */
export function makeHoldable(webSocket: ServerWebSocket): HoldableSocket {
  /** In ms of `performance.now()`; 0 while it is not held. */
  let heldUntil = 0;
  let isPausedByOthers = false;

  function letGo(more: () => number): void {
    // Timers may fire a little early, and what was already here may have made it longer.
    const left = heldUntil - performance.now();
    const waitMs = left > 0 ? Math.ceil(left) : more();
    if (waitMs > 0) {
      setTimeout(letGo, waitMs, more);
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
      setTimeout(letGo, ms, more);
    },
  };
}
