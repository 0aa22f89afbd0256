/** What the client needs of a platform's WebSocket. Node's and the browser's are one small file each. */
import type { StreamerError } from "../errors.ts";

/** What a socket tells. `onClose` comes exactly once, and nothing after it. */
export interface SocketHandlers {
  onOpen(): void;
  onMessage(message: Uint8Array | string): void;
  /** @param error why it ended: what the gateway said, or what the platform knows */
  onClose(error: StreamerError): void;
}

/** One WebSocket. */
export interface Socket {
  /** Sends a message. @param written called when the platform no longer holds it in its own buffer; never after a close */
  send(message: Uint8Array | string, written?: () => void): void;
  /** Stops reading, so that TCP holds the gateway back. Does nothing where the platform cannot. */
  pause(): void;
  /** Reads on. */
  resume(): void;
  /** Closes with code 1000, within a bounded time; `onClose` tells when. */
  close(): void;
}

/** A platform's WebSocket. */
export interface Transport {
  /** Whether `pause` works. Where it does not, a reader holds the gateway back with `ack=1`. */
  readonly canPause: boolean;
  /** Calls back when this turn of the event loop is over, so that what is sent in one turn can go out together. */
  atTurnEnd(callback: () => void): void;
  /**
   * Starts to connect. Handlers are called later, never from inside; what goes wrong is told to `onClose`.
   *
   * @param token shown to the gateway, where there is one
   */
  open(url: string, handlers: SocketHandlers, token: string | undefined): Socket;
}
