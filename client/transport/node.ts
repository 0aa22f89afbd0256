/** Node transport: uses `ws`, which can pause a socket and exposes the response of a rejected handshake. */
import { WebSocket } from "ws";
import { errorFromClose, errorFromResponse, type StreamerError, unreachable } from "../errors.ts";
import type { Socket, SocketHandlers, Transport } from "./transport.ts";

/** Timeout of the handshake, ms. */
const HANDSHAKE_MS = 10_000;
/** Interval of keep-alive pings, ms. A connection without any message between two pings is terminated. */
const PING_MS = 30_000;
/** Timeout of the closing handshake, ms. The socket is then destroyed. */
const CLOSE_MS = 1_000;
/** Maximum size of a received message: the gateway's default maximum entry size plus framing. */
const MAX_MESSAGE_BYTES = 128 * 2 ** 20;
/** Maximum number of bytes read from the response of a rejected handshake. */
const MAX_ERROR_BODY_BYTES = 16 * 1024;

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
  let isAlive = true;
  let keepAlive: NodeJS.Timeout | undefined;
  let closeTimeout: NodeJS.Timeout | undefined;

  const markAlive = () => {
    isAlive = true;
  };
  ws.on("open", () => {
    keepAlive = setInterval(() => {
      // A paused socket receives nothing, so its silence does not indicate a dead connection.
      if (!isAlive && !ws.isPaused) ws.terminate();
      isAlive = ws.isPaused;
      if (ws.readyState === WebSocket.OPEN) ws.ping();
    }, PING_MS);
    handlers.onOpen();
  });
  ws.on("message", (data: Buffer, isBinary: boolean) => {
    markAlive();
    handlers.onMessage(
      isBinary ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data.toString(),
    );
  });
  ws.on("ping", markAlive);
  ws.on("pong", markAlive);
  ws.on("unexpected-response", (_request, response) => {
    const status = response.statusCode ?? 0;
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      body += part;
      if (body.length > MAX_ERROR_BODY_BYTES) response.destroy();
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
    clearTimeout(closeTimeout);
    handlers.onClose(failure ?? errorFromClose(code, reason.toString()));
  });

  return {
    send(message, written) {
      ws.send(message, { binary: typeof message !== "string" }, (error) => {
        // An error is followed by a close event, which reports it.
        if (!error) written?.();
      });
    },
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    close() {
      // A paused socket would never read the gateway's close frame.
      ws.resume();
      ws.close(1000);
      closeTimeout ??= setTimeout(() => ws.terminate(), CLOSE_MS);
    },
  };
}
