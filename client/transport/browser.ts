/** Browser transport: uses the global standard `WebSocket`. */
import { errorFromClose, unreachable } from "../errors.ts";
import type { Socket, SocketHandlers, Transport } from "./transport.ts";

/** The members of the standard WebSocket that are used (WHATWG, "WebSockets"). */
interface StandardSocket {
  binaryType: "arraybuffer" | "blob";
  readonly bufferedAmount: number;
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: ArrayBuffer | string }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(data: Uint8Array | string): void;
  close(code: number): void;
}

declare const WebSocket: new (url: string, protocols: string[]) => StandardSocket;

/** `readyState` of an open socket. */
const OPEN = 1;
/** Polling interval of `bufferedAmount`, ms. The standard has no event for it. */
const POLL_MS = 10;

/** The transport of browsers. */
export const browserTransport: Transport = {
  canPause: false,
  // Browsers throw if `queueMicrotask` is called as a method of another object.
  atTurnEnd: (callback) => queueMicrotask(callback),
  open,
};

function open(url: string, handlers: SocketHandlers, token: string | undefined): Socket {
  // A page cannot set headers. The gateway selects the first subprotocol and reads the token from the second.
  const socket = new WebSocket(url, token === undefined ? [] : ["redis-streamer", `bearer.${token}`]);
  let opened = false;
  let pending: (() => void)[] = [];
  let poll: ReturnType<typeof setInterval> | undefined;

  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    opened = true;
    handlers.onOpen();
  };
  socket.onmessage = ({ data }) => {
    handlers.onMessage(typeof data === "string" ? data : new Uint8Array(data));
  };
  socket.onclose = ({ code, reason }) => {
    clearInterval(poll);
    // Browsers do not report why a connection failed (WHATWG, "WebSockets", feedback from the protocol).
    const failed = !opened && code === 1006;
    handlers.onClose(failed ? unreachable("the browser reports no reason") : errorFromClose(code, reason));
  };

  const checkBuffer = () => {
    if (socket.bufferedAmount > 0 || socket.readyState !== OPEN) return;
    clearInterval(poll);
    poll = undefined;
    const callbacks = pending;
    pending = [];
    for (const callback of callbacks) callback();
  };

  return {
    send(message, written) {
      socket.send(message);
      if (written === undefined) return;
      pending.push(written);
      poll ??= setInterval(checkBuffer, POLL_MS);
    },
    pause() {},
    resume() {},
    close: () => socket.close(1000),
  };
}
