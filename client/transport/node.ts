/** WebSockets in Node, by `ws`: it can stop reading a socket, and says why a handshake was refused. */
import { WebSocket } from "ws";
import { errorFromClose, errorFromResponse, type StreamerError, unreachable } from "../errors.ts";
import type { Socket, SocketHandlers, Transport } from "./transport.ts";

/** How long a handshake may take, ms. */
const HANDSHAKE_MS = 10_000;
/** A gateway that says nothing for so long is asked, and after as long again given up: a cable can be cut in silence. */
const QUIET_MS = 30_000;
/** How long a close may wait for the gateway's answer before the connection is cut, ms. */
const CLOSE_MS = 1_000;
/** Largest message taken in, bytes: the gateway's largest entry by default, and room for what stands around it. */
const MAX_MESSAGE_BYTES = 128 * 2 ** 20;
/** Most of a refusal's body that is read, bytes. */
const MAX_REFUSAL_BYTES = 16 * 1024;

/** The transport of Node. */
export const nodeTransport: Transport = {
  canPause: true,
  atTurnEnd: (callback) => setImmediate(callback),
  open,
};

function open(url: string, handlers: SocketHandlers, token: string | undefined): Socket {
  const ws = new WebSocket(url, {
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  });
  let failure: StreamerError | undefined;
  let heard = true;
  let keepAlive: NodeJS.Timeout | undefined;
  let cut: NodeJS.Timeout | undefined;

  const listen = () => {
    heard = true;
  };
  ws.on("open", () => {
    keepAlive = setInterval(() => {
      // A paused socket hears nothing because nobody listens, which says nothing about the gateway.
      if (!heard && !ws.isPaused) ws.terminate();
      heard = ws.isPaused;
      if (ws.readyState === WebSocket.OPEN) ws.ping();
    }, QUIET_MS);
    handlers.onOpen();
  });
  ws.on("message", (data: Buffer, isBinary: boolean) => {
    listen();
    handlers.onMessage(
      isBinary ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data.toString(),
    );
  });
  ws.on("ping", listen);
  ws.on("pong", listen);
  ws.on("unexpected-response", (_request, response) => {
    const status = response.statusCode ?? 0;
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      body += part;
      if (body.length > MAX_REFUSAL_BYTES) response.destroy();
    });
    response.on("close", () => {
      failure = errorFromResponse(status, body);
      ws.terminate();
    });
  });
  ws.on("error", (error) => {
    failure ??= unreachable(error);
  });
  ws.on("close", (code, reason) => {
    clearInterval(keepAlive);
    clearTimeout(cut);
    handlers.onClose(failure ?? errorFromClose(code, reason.toString()));
  });

  return {
    send(message, written) {
      ws.send(message, { binary: typeof message !== "string" }, (error) => {
        // An error here is followed by a close, which tells it.
        if (!error) written?.();
      });
    },
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    close() {
      // A paused socket would never read the gateway's answer.
      ws.resume();
      ws.close(1000);
      cut ??= setTimeout(() => ws.terminate(), CLOSE_MS);
    },
  };
}
