/**
 * The sockets that the gateway has `ws` make. Classes, because `ws` makes its sockets of one: they can be held for a time,
 * whoever else pauses and resumes them meanwhile, and they tell clients what they did wrong.
 */
import { WebSocket } from "ws";

/** A socket that can be held for a time. */
export class HoldableSocket extends WebSocket {
  /** In ms of `performance.now()`; 0 while it is not held. */
  private heldUntil = 0;
  private isPausedByOthers = false;

  /** Pauses it until `resume`. */
  override pause(): void {
    this.isPausedByOthers = true;
    super.pause();
  }

  /** Goes on, unless it is held. */
  override resume(): void {
    this.isPausedByOthers = false;
    if (this.heldUntil === 0) super.resume();
  }

  /** Reads nothing for a time (ms). */
  hold(ms: number): void {
    const isHeld = this.heldUntil > 0;
    this.heldUntil = Math.max(this.heldUntil, performance.now() + ms);
    if (isHeld) return;
    super.pause();
    setTimeout(() => this.letGo(), ms);
  }

  private letGo(): void {
    // Timers may fire a little early, and what was already here may have made it longer.
    const left = this.heldUntil - performance.now();
    if (left > 0) {
      setTimeout(() => this.letGo(), Math.ceil(left));
      return;
    }
    this.heldUntil = 0;
    if (!this.isPausedByOthers) super.resume();
  }
}

/**
 * Makes the class. When a client breaks the protocol, `ws` closes with the right code but no reason; a client deserves to
 * read why. It calls `close(code)`, so a reason is put in there.
 *
 * @param onTooLarge a message was over the limit
 */
export function explainingSocket(maxMessageBytes: number, onTooLarge: () => void): typeof HoldableSocket {
  const reasons: Readonly<Record<number, string>> = {
    1002: "PROTOCOL_ERROR: the frames do not follow RFC 6455",
    1007: "BAD_PAYLOAD: a text message is not UTF-8",
    1008: "TOO_LARGE: a message comes in too many pieces",
    1009: `TOO_LARGE: a message is over the limit of ${maxMessageBytes} bytes`,
  };
  return class extends HoldableSocket {
    override close(code?: number, reason?: string | Buffer): void {
      if (code === 1009) onTooLarge();
      super.close(code, reason ?? reasons[code ?? 0]);
    }
  };
}
