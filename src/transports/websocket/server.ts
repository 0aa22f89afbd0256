/** Takes WebSocket upgrades in, keeps their sockets alive or finds out that they are not, and ends them in order. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type ServerOptions, WebSocket, WebSocketServer } from "ws";
import type { BrowserGuard } from "../../access/browser-guard.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import { errorBody } from "../append-results.ts";
import { chooseProtocol, type ServeGraphql } from "../graphql/websocket.ts";
import { readQuery } from "../query.ts";
import { closeWith, type ServedSocket, type WebSocketParts } from "./connection.ts";
import { servePull } from "./pull.ts";
import { servePush } from "./push.ts";

/** The WebSocket side of the gateway. */
export interface WebSocketTransport {
  /** Handles an `upgrade` of the HTTP server. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Sockets open now. */
  size(): number;
  /** Ends all sockets in order. @param withinMs after that they are cut */
  close(withinMs: number): Promise<void>;
}

/** What the transport is made of. */
export interface WebSocketTransportParts extends WebSocketParts {
  readonly guard: BrowserGuard;
  readonly serveGraphql: ServeGraphql;
  readonly maxMessageBytes: number;
  readonly graphqlMaxBytes: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

interface OpenSocket {
  readonly webSocket: WebSocket;
  readonly served: ServedSocket;
  /** Something came since the last look. A flag, because asking the clock for each message would cost. */
  wasHeard: boolean;
  /** When something had come at the last look, in ms of `performance.now()`. */
  heardAt: number;
}

const DATA_ROUTE = /^\/data\/([^/]+)\/(push|pull)\/?$/;
const GRAPHQL_ROUTE = /^\/graphql\/?$/;
const CLOSE_POLL_MS = 20;

/** Makes the transport. */
export function createWebSocketTransport(parts: WebSocketTransportParts): WebSocketTransport {
  const { guard, maxMessageBytes, graphqlMaxBytes, pingIntervalMs, pingTimeoutMs, tally, logger } = parts;
  const dataServer = new WebSocketServer(serverOptions(maxMessageBytes));
  const graphqlServer = new WebSocketServer({
    ...serverOptions(graphqlMaxBytes),
    handleProtocols: chooseProtocol,
  });
  const open = new Set<OpenSocket>();
  let isClosing = false;
  const pinging = setInterval(pingAll, pingIntervalMs);

  /** One timer for all: thousands of idle sockets cost one walk. */
  function pingAll(): void {
    const now = performance.now();
    for (const one of open) {
      const { webSocket } = one;
      if (one.wasHeard) one.heardAt = now;
      one.wasHeard = false;
      const { heardAt } = one;
      if (now - heardAt > pingTimeoutMs) webSocket.terminate();
      else if (now - heardAt > pingIntervalMs / 2) webSocket.ping();
    }
  }

  function accept(webSocket: WebSocket, serve: () => ServedSocket): void {
    webSocket.on("error", (error) => {
      tally.clientErrors++;
      logger.debug({ err: error }, "a WebSocket broke");
    });
    try {
      const served = serve();
      const one: OpenSocket = { webSocket, served, wasHeard: false, heardAt: performance.now() };
      open.add(one);
      const heard = () => {
        one.wasHeard = true;
      };
      webSocket.on("pong", heard);
      webSocket.on("message", heard);
      webSocket.on("close", () => open.delete(one));
      if (isClosing) served.shutDown();
    } catch (error) {
      const told = asGatewayError(error);
      if (told.code === "INTERNAL") {
        tally.internalErrors++;
        logger.error({ err: error }, "a WebSocket could not be served");
      } else tally.clientErrors++;
      closeWith(webSocket, told);
    }
  }

  /** The server that shakes hands at a path, and how its sockets are served. */
  function routeOf(
    pathname: string,
    search: string,
  ): readonly [WebSocketServer, (webSocket: WebSocket, socket: Socket) => ServedSocket] {
    const [, segment = "", direction] = DATA_ROUTE.exec(pathname) ?? [];
    if (direction !== undefined) {
      const serve = direction === "push" ? servePush : servePull;
      return [
        dataServer,
        (webSocket, socket) => serve({ webSocket, socket, segment, query: readQuery(search) }, parts),
      ];
    }
    if (GRAPHQL_ROUTE.test(pathname)) return [graphqlServer, parts.serveGraphql];
    throw new GatewayError("NOT_FOUND", `there is no WebSocket at ${pathname.slice(0, 100)}`);
  }

  return {
    size: () => open.size,
    upgrade(request, socket, head) {
      // Before the handshake is done nobody else listens, and an unheard error would end the process.
      const ignore = () => undefined;
      socket.on("error", ignore);
      try {
        guard.check({ origin: request.headers.origin, host: request.headers.host });
        const { pathname, search } = splitUrl(request.url ?? "/");
        const [server, serve] = routeOf(pathname, search);
        server.handleUpgrade(request, socket, head, (webSocket) => {
          socket.removeListener("error", ignore);
          socket.setNoDelay(true);
          accept(webSocket, () => serve(webSocket, socket));
        });
      } catch (error) {
        tally.clientErrors++;
        refuseUpgrade(socket, asGatewayError(error));
      }
    },
    async close(withinMs) {
      isClosing = true;
      clearInterval(pinging);
      for (const { served } of open) served.shutDown();
      const deadline = performance.now() + withinMs;
      while (open.size > 0 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
      }
      for (const { webSocket } of open) webSocket.terminate();
      dataServer.close();
      graphqlServer.close();
    },
  };
}

const serverOptions = (maxPayload: number): ServerOptions => ({
  noServer: true,
  WebSocket: explainingWebSocket(maxPayload),
  clientTracking: false,
  // Payloads are pictures and packed numbers; deflate would cost far more than it saves.
  perMessageDeflate: false,
  maxPayload,
});

function splitUrl(url: string): { readonly pathname: string; readonly search: string } {
  const at = url.indexOf("?");
  return at < 0 ? { pathname: url, search: "" } : { pathname: url.slice(0, at), search: url.slice(at) };
}

/** Answers an upgrade that is not to be: still HTTP, so with a status. */
function refuseUpgrade(socket: Socket, error: GatewayError): void {
  const body = JSON.stringify(errorBody(error));
  const { status } = error.kind;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/**
 * When a client breaks the protocol, `ws` closes with the right code but no reason; a client deserves to read why.
 * It calls `close(code)`, so a reason is put in there. A class, because `ws` makes its sockets of one.
 */
function explainingWebSocket(maxMessageBytes: number): typeof WebSocket {
  const reasons: Readonly<Record<number, string>> = {
    1002: "PROTOCOL_ERROR: the frames do not follow RFC 6455",
    1007: "BAD_PAYLOAD: a text message is not UTF-8",
    1009: `TOO_LARGE: a message is over the limit of ${maxMessageBytes} bytes`,
  };
  return class extends WebSocket {
    override close(code?: number, reason?: string | Buffer): void {
      super.close(code, reason ?? reasons[code ?? 0]);
    }
  };
}
