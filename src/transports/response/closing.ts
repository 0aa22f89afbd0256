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
 * A client that half-closed its connection counts as disconnected, because the two look the same on the wire. For responses
 * that wait for entries.
 *
 * @returns a function that removes the callback
 */
export function whenGone(reply: FastifyReply, closing: Closing, callback: () => void): () => void {
  const { socket } = reply.request.raw;
  const release = () => {
    releaseCut();
    releasePeer();
  };
  let isGone = false;
  const gone = () => {
    if (isGone) return;
    isGone = true;
    release();
    callback();
  };
  const releaseCut = whenCut(reply, closing, gone);
  const releasePeer = whenPeerEnds(socket, gone);
  if (hasPeerEnded(socket)) queueMicrotask(gone);
  return release;
}

/**
 * Calls back once, when the connection is lost or the gateway stops; on the next microtask if either already happened. A client
 * that half-closed its connection still receives its response. For responses whose end is known: if the client has closed both
 * sides, its system rejects the next bytes, and the connection is lost.
 *
 * @returns a function that removes the callback
 */
export function whenCut(reply: FastifyReply, closing: Closing, callback: () => void): () => void {
  const { raw, request } = reply;
  const release = () => {
    forget();
    raw.removeListener("close", cut);
  };
  const cut = () => {
    release();
    callback();
  };
  const forget = closing.add(cut);
  raw.once("close", cut);
  if (closing.isClosing() || raw.destroyed || request.raw.socket.destroyed) queueMicrotask(cut);
  return release;
}
