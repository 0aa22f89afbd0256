/** WebSockets in a browser, and wherever else the standard `WebSocket` is a global. */
import { errorFromClose, unreachable } from "../errors.ts";
import type { Socket, SocketHandlers, Transport } from "./transport.ts";

/** The part of the standard WebSocket that is used (WHATWG, "WebSockets"). */
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

/** The standard `readyState` of an open socket. */
const OPEN = 1;
/** How often an unsent buffer is looked at, ms: the standard has no event for it. */
const POLL_MS = 10;

/** The transport of browsers. */
export const browserTransport: Transport = { canPause: false, atTurnEnd, open };

/** By a function of its own: a browser refuses to have its own called as a method of something else. */
function atTurnEnd(callback: () => void): void {
  queueMicrotask(callback);
}

function open(url: string, handlers: SocketHandlers, token: string | undefined): Socket {
  // A page can set no header here; the gateway answers with the first and keeps the second to itself.
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
    // A page is not told why a connection could not be made (WHATWG, "WebSockets", feedback from the protocol).
    const failed = !opened && code === 1006;
    handlers.onClose(failed ? unreachable("the browser does not say why") : errorFromClose(code, reason));
  };

  const whenEmpty = () => {
    if (socket.bufferedAmount > 0 || socket.readyState !== OPEN) return;
    clearInterval(poll);
    poll = undefined;
    const written = pending;
    pending = [];
    for (const one of written) one();
  };

  return {
    send(message, written) {
      socket.send(message);
      if (written === undefined) return;
      pending.push(written);
      poll ??= setInterval(whenEmpty, POLL_MS);
    },
    pause() {},
    resume() {},
    close: () => socket.close(1000),
  };
}
