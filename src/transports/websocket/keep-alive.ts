/** Keep-alive of WebSockets: pings idle ones, and ends those that are silent or do not complete a message in time. */
import type { Limits } from "../../access/limits/limits.ts";
import type { Session } from "../../access/sessions.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { ServerWebSocket } from "../websocket-protocol/socket.ts";

/** Settings of the keep-alive, in ms. */
export interface KeepAliveConfig {
  readonly pingIntervalMs: number;
  /** Maximum time without any frame from a client. */
  readonly pingTimeoutMs: number;
  /** Maximum time to receive one message. */
  readonly uploadTimeoutMs: number;
}

/** A socket that is kept alive. Times in ms of `performance.now()`. */
export interface KeptAlive {
  readonly webSocket: ServerWebSocket;
  readonly session: Session;
  /** Time of the last ping interval in which data was received; at first that of the handshake. */
  receivedAt: number;
  /** Time of the last ping interval in which no message, or a different one, was being received. */
  betweenMessagesAt: number;
}

/** Starts the keep-alive of the open sockets. One timer serves all of them. @returns a function that stops it */
export function startKeepAlive(
  { pingIntervalMs, pingTimeoutMs, uploadTimeoutMs }: KeepAliveConfig,
  limits: Limits,
  open: Iterable<KeptAlive>,
): () => void {
  const pinging = setInterval(() => {
    const now = performance.now();
    for (const one of open) check(one, now);
  }, pingIntervalMs);

  function check(one: KeptAlive, now: number): void {
    const { webSocket, session } = one;
    if (webSocket.hasReceived()) one.receivedAt = now;
    // A paused socket cannot receive the rest of its message.
    if (!webSocket.isMidMessage() || webSocket.isPaused()) one.betweenMessagesAt = now;
    const { receivedAt, betweenMessagesAt } = one;
    if (now - betweenMessagesAt > uploadTimeoutMs) {
      // Prevents a second close of the same session.
      one.betweenMessagesAt = Number.POSITIVE_INFINITY;
      limits.hit("upload_time");
      session.end(
        new GatewayError("REQUEST_TIMEOUT", `a message must be received within ${uploadTimeoutMs} ms`),
      );
    } else if (now - receivedAt > pingTimeoutMs) webSocket.terminate();
    else if (now - receivedAt > pingIntervalMs / 2) webSocket.ping();
  }

  return () => clearInterval(pinging);
}
