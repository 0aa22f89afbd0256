/** WebSocket that can be held: not read for a time, regardless of other calls of `pause` and `resume`. */
import { ServerWebSocket } from "../websocket-protocol/socket.ts";

/** Socket that can be held. */
export class HoldableSocket extends ServerWebSocket {
  /** End of the hold in ms of `performance.now()`; 0 if the socket is not held. */
  #heldUntil = 0;
  #isPausedByOthers = false;

  /** Stops reading for a time (ms). @param more called afterwards; returns the additional time (ms), 0 to continue */
  hold(ms: number, more: () => number): void {
    const isHeld = this.#heldUntil > 0;
    this.#heldUntil = Math.max(this.#heldUntil, performance.now() + ms);
    if (isHeld) return;
    super.pause();
    setTimeout(() => this.#release(more), ms);
  }

  override pause(): void {
    this.#isPausedByOthers = true;
    super.pause();
  }

  override resume(): void {
    this.#isPausedByOthers = false;
    if (this.#heldUntil === 0) super.resume();
  }

  #release(more: () => number): void {
    // Timers may fire early, and messages that were already received may have extended the hold.
    const left = this.#heldUntil - performance.now();
    const waitMs = left > 0 ? Math.ceil(left) : more();
    if (waitMs > 0) {
      setTimeout(() => this.#release(more), waitMs);
      return;
    }
    this.#heldUntil = 0;
    if (!this.#isPausedByOthers) super.resume();
  }
}
