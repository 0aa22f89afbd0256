/** Early end of a response: the client disconnects, or the gateway stops. */
import type { FastifyReply } from "fastify";
import { hasPeerEnded, whenPeerEnds } from "./sockets/peer-end.ts";

/** Signals that the gateway is stopping. Not an `AbortSignal`: creating and aborting one per request costs more than a read. */
export interface Closing {
  isClosing(): boolean;
  /** Calls back once, when the gateway stops. @returns a function that removes the callback */
  add(callback: () => void): () => void;
}

/** Creates a `Closing` and the function that triggers it. */
export function createClosing(): { readonly closing: Closing; close(): void } {
  const callbacks = new Set<() => void>();
  let isClosing = false;
  return {
    closing: {
      isClosing: () => isClosing,
      add(callback) {
        callbacks.add(callback);
        return () => callbacks.delete(callback);
      },
    },
    close() {
      isClosing = true;
      for (const callback of [...callbacks]) callback();
    },
  };
}

/**
 * Calls back once, when the client disconnects or the gateway stops; on the next microtask if either already happened.
 * A client that half-closed its connection counts as disconnected, because the two look the same on the wire.
 *
 * @returns a function that removes the callback
 */
export function whenGone(reply: FastifyReply, closing: Closing, callback: () => void): () => void {
  const { raw, request } = reply;
  const { socket } = request.raw;
  const release = () => {
    forget();
    raw.removeListener("close", gone);
    releasePeer();
  };
  const gone = () => {
    release();
    callback();
  };
  const forget = closing.add(gone);
  raw.once("close", gone);
  const releasePeer = whenPeerEnds(socket, gone);
  if (closing.isClosing() || raw.destroyed || socket.destroyed || hasPeerEnded(socket)) queueMicrotask(gone);
  return release;
}
