/** Sessions: one connection after the other, each from open to close. */

import { FOREIGN_CODES, StreamerError } from "../errors.ts";
import type { Gateway, Status } from "../gateway/gateway.ts";
import { currentToken, retryWithNewToken } from "../gateway/token.ts";
import type { Socket } from "../transport/transport.ts";
import { type ConnectionHealth, watchHealth } from "./connection-health.ts";
import { keepConnected } from "./reconnect.ts";

/** Event handlers of the sessions of a pull or push. An error thrown by `opened` or `received` ends the session. */
export interface SessionHandlers {
  /** Returns the URL of the next session. */
  url(signal: AbortSignal): string | Promise<string>;
  opened(socket: Socket): void;
  /** @returns whether the message proves that the connection works, which resets the backoff */
  received(message: Uint8Array | string, health: ConnectionHealth): boolean;
  closed(error: unknown): void;
  /** Whether a message from the gateway is due. */
  isDue(): boolean;
}

/**
 * Opens sessions, one after the other, until one closes for good.
 *
 * @throws the signal's reason, or the first error that is not retryable
 */
export function keepSession(
  gateway: Gateway,
  handlers: SessionHandlers,
  signal: AbortSignal,
  onStatus: (status: Status) => void = () => undefined,
): Promise<void> {
  const health = watchHealth(() => handlers.isDue(), onStatus);
  const attempt = async (proven: () => void) => {
    const url = await handlers.url(signal);
    try {
      await runSession(gateway, url, handlers, health, proven, signal);
    } catch (error) {
      handlers.closed(error);
      throw health.wasOpen ? retryForeign(error) : error;
    } finally {
      health.closed();
    }
  };
  return keepConnected(attempt, { signal, backoff: gateway.backoff, onStatus });
}

/**
 * Makes a response of another server retryable. A gateway that was reached before will be again: meanwhile a proxy, or the
 * portal of a network, may respond in its place, or its certificate may have expired.
 */
function retryForeign(error: unknown): unknown {
  if (!(error instanceof StreamerError) || !FOREIGN_CODES.has(error.code)) return error;
  const { code, message, status } = error;
  if (status === 401 || status === 403) return error;
  return new StreamerError(code, message, {
    ...(status !== undefined && { status }),
    retryable: true,
    cause: error,
  });
}

/**
 * Opens a socket and waits until it closes.
 *
 * @throws always: the error of a handler, else the signal's reason, else the reason of the close. It throws only after
 * the socket has closed, so that two connections of one reader never overlap.
 */
async function runSession(
  { transport, token }: Gateway,
  url: string,
  handlers: SessionHandlers,
  health: ConnectionHealth,
  proven: () => void,
  signal: AbortSignal,
): Promise<never> {
  const sentToken = await currentToken(token);
  return new Promise((_resolve, reject) => {
    let ending: { readonly error: unknown } | undefined;
    const end = (error: unknown) => {
      ending ??= { error };
      socket.close();
    };
    const guarded = (act: () => void) => {
      if (ending !== undefined) return;
      try {
        act();
      } catch (error) {
        end(error);
      }
    };
    const aborted = () => end(signal.reason);
    const socketHandlers = {
      onOpen: () =>
        guarded(() => {
          health.opened();
          handlers.opened(socket);
        }),
      onMessage: (message: Uint8Array | string) =>
        guarded(() => {
          health.messageReceived();
          if (handlers.received(message, health)) proven();
        }),
      onClose(error: StreamerError) {
        signal.removeEventListener("abort", aborted);
        reject(ending === undefined ? retryWithNewToken(error, token) : ending.error);
      },
    };
    const socket = transport.open(url, socketHandlers, sentToken);
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
  });
}
