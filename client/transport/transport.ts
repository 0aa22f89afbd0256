/** Interface of a platform's WebSocket. Node and browsers have one implementation each. */
import type { StreamerError } from "../errors.ts";

/** Event handlers of a socket. `onClose` is called exactly once, and is the last event. */
export interface SocketHandlers {
  onOpen(): void;
  onMessage(message: Uint8Array | string): void;
  /** @param error the reason: the gateway's, or the platform's */
  onClose(error: StreamerError): void;
}

/** One WebSocket. */
export interface Socket {
  /** Sends a message. @param written called when the platform has written it to the network; never after a close */
  send(message: Uint8Array | string, written?: () => void): void;
  /** Stops reading, so that TCP slows the gateway down. Has no effect if the platform cannot pause. */
  pause(): void;
  /** Resumes reading. */
  resume(): void;
  /** Closes with code 1000 within a bounded time, then calls `onClose`. */
  close(): void;
}

/** A platform's WebSocket. */
export interface Transport {
  /** Whether `pause` works. If not, a reader applies backpressure with `ack=1`. */
  readonly canPause: boolean;
  /**
   * Calls back at the end of this event-loop turn, so that messages of one turn can be sent together.
   *
   * @param isSoon calls back before, if the platform can, when the code that runs now and the promises that it settles are done
   */
  atTurnEnd(callback: () => void, isSoon?: boolean): void;
  /**
   * Starts to connect. Handlers are called asynchronously. Errors are passed to `onClose`.
   *
   * @param token sent to the gateway if present
   */
  open(url: string, handlers: SocketHandlers, token: string | undefined): Socket;
  /** Sends an HTTP request. Absent if the platform's own `fetch` does. */
  readonly fetch?: Fetch;
}

/** The part of the standard `fetch` that the client uses. */
export type Fetch = (url: string, request: FetchRequest) => Promise<Response>;

/** A request whose response is read completely. */
export interface FetchRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}
