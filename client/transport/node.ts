/**
 * Node transport: uses `ws`, which can pause a socket and exposes the response of a rejected handshake. Without `ws` it uses
 * Node's own WebSocket, which Node 22 and later have.
 */
import { createRequire } from "node:module";
import { rootCertificates } from "node:tls";
import {
  errorFromClose,
  errorFromHandshake,
  notAGateway,
  type StreamerError,
  unreachable,
} from "../errors.ts";
import { browserTransport } from "./browser.ts";
import { fetchWithAuthorities } from "./node-fetch.ts";
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

type WebSocketLibrary = typeof import("ws");

/**
 * Creates the transport of Node.
 *
 * @param ca certificate authorities in PEM that are trusted besides the well-known ones
 * @throws Error if neither `ws` nor a WebSocket of Node exists, or if `ca` is passed without `ws`
 */
export function createNodeTransport(ca: readonly string[] = []): Transport {
  const library = loadLibrary();
  if (library === undefined) {
    if ("WebSocket" in globalThis && ca.length === 0) return browserTransport;
    throw new Error(
      ca.length > 0
        ? 'the option "ca" requires the package "ws"; install it with: npm install ws'
        : `Node ${process.version} has no WebSocket; install the package "ws" with: npm install ws`,
    );
  }
  const authorities = ca.length === 0 ? undefined : [...rootCertificates, ...ca];
  return {
    canPause: true,
    // If a promise calls it, a tick runs after the promises that are settled by then.
    atTurnEnd: (callback, isSoon) => (isSoon ? process.nextTick(callback) : setImmediate(callback)),
    open: (url, handlers, token) => open(library, url, handlers, token, authorities),
    ...(authorities !== undefined && { fetch: fetchWithAuthorities(authorities) }),
  };
}

/** Loads `ws`, if it is installed. It is loaded when the first client is created, so that a program without it can start. */
function loadLibrary(): WebSocketLibrary | undefined {
  const require = createRequire(import.meta.url);
  try {
    return require("ws") as WebSocketLibrary;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

function open(
  { WebSocket }: WebSocketLibrary,
  url: string,
  handlers: SocketHandlers,
  token: string | undefined,
  ca: string[] | undefined,
): Socket {
  const ws = new WebSocket(url, {
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    ...(ca !== undefined && { ca }),
  });
  let failure: StreamerError | undefined;
  /** True between the response to the handshake and its check. */
  let isUpgrading = false;
  let isAlive = true;
  let keepAlive: NodeJS.Timeout | undefined;
  let closeTimeout: NodeJS.Timeout | undefined;

  const markAlive = () => {
    isAlive = true;
  };
  ws.on("upgrade", () => {
    isUpgrading = true;
  });
  ws.on("open", () => {
    isUpgrading = false;
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
      failure = errorFromHandshake(url, status, body);
      ws.terminate();
    });
  });
  ws.on("error", (error) => {
    failure ??= isUpgrading
      ? notAGateway(url, `responded with an invalid handshake: ${error.message}`, error)
      : unreachable(error, url);
  });
  ws.on("close", (code, reason) => {
    clearInterval(keepAlive);
    clearTimeout(closeTimeout);
    handlers.onClose(failure ?? errorFromClose(code, reason.toString()));
  });

  return {
    send(message, written) {
      const isText = typeof message === "string";
      // An error is followed by a close event, which reports it.
      const done = written && ((error?: Error | null) => error || written());
      // Bytes are masked into the buffer of their header, and written at once. Of text, `ws` writes two parts.
      ws.send(isText ? Buffer.from(message) : message, { binary: !isText }, done);
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
