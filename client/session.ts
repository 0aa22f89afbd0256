/** One connection from its opening to its end, as one promise that a signal can end too. */
import type { StreamerError } from "./errors.ts";
import { endedBy, type Token, tokenNow } from "./token.ts";
import type { Socket, Transport } from "./transport/transport.ts";

/** What a connection does while it lasts. What a handler throws ends it. */
export interface SessionHandlers {
  onOpen(socket: Socket): void;
  onMessage(message: Uint8Array | string, socket: Socket): void;
}

/**
 * Opens a socket and keeps it until it ends.
 *
 * @param token what is shown to the gateway
 * @throws the reason that it ended: what a handler threw, else the signal's, else why the socket closed. It is thrown
 * only when the socket is closed, so that two connections of one reader never overlap.
 */
export async function runSession(
  transport: Transport,
  url: string,
  { onOpen, onMessage }: SessionHandlers,
  signal: AbortSignal,
  token: Token | undefined,
): Promise<never> {
  const shown = await tokenNow(token);
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
      onOpen: () => guarded(() => onOpen(socket)),
      onMessage: (message: Uint8Array | string) => guarded(() => onMessage(message, socket)),
      onClose(error: StreamerError) {
        signal.removeEventListener("abort", aborted);
        reject(ending === undefined ? endedBy(error, token) : ending.error);
      },
    };
    const socket = transport.open(url, socketHandlers, shown);
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
  });
}
