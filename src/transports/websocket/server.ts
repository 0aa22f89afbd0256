/** Takes WebSocket upgrades in, keeps their sockets alive or finds out that they are not, and ends them in order. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { BrowserGuard } from "../../access/browser-guard.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import { chooseProtocol, type ServeGraphql } from "../graphql/websocket.ts";
import { readQuery } from "../query.ts";
import { endWithError } from "../raw-answer.ts";
import { closeWith, type ServedSocket, type WebSocketParts } from "./connection.ts";
import { answerHandshake, offeredProtocols } from "./handshake.ts";
import { servePull } from "./pull.ts";
import { servePush } from "./push.ts";
import { createServerWebSocket, type ServerWebSocket } from "./server-socket.ts";

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

/** What a path is for. */
interface Route {
  readonly maxMessageBytes: number;
  /** Chooses among the subprotocols that a client offers. */
  choose(offered: readonly string[]): string | undefined;
  /** @throws GatewayError where a parameter is wrong */
  serve(webSocket: ServerWebSocket, socket: Socket, protocol: string): ServedSocket;
}

interface OpenSocket {
  readonly webSocket: ServerWebSocket;
  readonly served: ServedSocket;
  /** When something had come at the last look, in ms of `performance.now()`. */
  heardAt: number;
}

const DATA_ROUTE = /^\/data\/([^/]+)\/(push|pull)\/?$/;
const GRAPHQL_ROUTE = /^\/graphql\/?$/;
const CLOSE_POLL_MS = 20;
const ignore = () => undefined;

/** Makes the transport. */
export function createWebSocketTransport(parts: WebSocketTransportParts): WebSocketTransport {
  const { guard, payloadPool, pingIntervalMs, pingTimeoutMs, tally, logger } = parts;
  const open = new Set<OpenSocket>();
  let isClosing = false;
  const pinging = setInterval(pingAll, pingIntervalMs);

  /** One timer for all: thousands of idle sockets cost one walk. */
  function pingAll(): void {
    const now = performance.now();
    for (const one of open) {
      const { webSocket } = one;
      if (webSocket.wasHeard()) one.heardAt = now;
      const { heardAt } = one;
      if (now - heardAt > pingTimeoutMs) webSocket.terminate();
      else if (now - heardAt > pingIntervalMs / 2) webSocket.ping();
    }
  }

  function routeOf(pathname: string, search: string): Route {
    const [, segment = "", direction] = DATA_ROUTE.exec(pathname) ?? [];
    if (direction !== undefined) {
      const serve = direction === "push" ? servePush : servePull;
      return {
        maxMessageBytes: parts.maxMessageBytes,
        // A browser gives up where it offers protocols and none is chosen.
        choose: ([first]) => first,
        serve: (webSocket, socket) => serve({ webSocket, socket, segment, query: readQuery(search) }, parts),
      };
    }
    if (!GRAPHQL_ROUTE.test(pathname))
      throw new GatewayError("NOT_FOUND", `there is no WebSocket at ${pathname.slice(0, 100)}`);
    return { maxMessageBytes: parts.graphqlMaxBytes, choose: chooseProtocol, serve: parts.serveGraphql };
  }

  function accept(socket: Socket, head: Buffer, route: Route, protocol: string): void {
    const { maxMessageBytes } = route;
    const webSocket = createServerWebSocket(socket, { maxMessageBytes, pool: payloadPool });
    const served = serveOrRefuse(webSocket, socket, route, protocol);
    const one: OpenSocket = { webSocket, served, heardAt: performance.now() };
    open.add(one);
    webSocket.start(
      {
        message: served.message,
        pong: () => served.pong?.(),
        closed(code) {
          open.delete(one);
          served.closed(code);
        },
        broke(error) {
          tally.clientErrors++;
          logger.debug({ err: error }, "a WebSocket broke the protocol");
        },
      },
      head,
    );
    if (isClosing) served.shutDown();
  }

  /** Where a parameter is wrong the socket is closed at once, and what comes until it is gone is ignored. */
  function serveOrRefuse(
    webSocket: ServerWebSocket,
    socket: Socket,
    route: Route,
    protocol: string,
  ): ServedSocket {
    try {
      return route.serve(webSocket, socket, protocol);
    } catch (error) {
      const told = asGatewayError(error);
      if (told.code === "INTERNAL") {
        tally.internalErrors++;
        logger.error({ err: error }, "a WebSocket could not be served");
      } else tally.clientErrors++;
      closeWith(webSocket, told);
      return { message: ignore, closed: ignore, shutDown: ignore };
    }
  }

  return {
    size: () => open.size,
    upgrade(request, socket, head) {
      // The error of a socket is always followed by its close, which says enough; unheard it would end the process.
      socket.on("error", ignore);
      try {
        guard.check({ origin: request.headers.origin, host: request.headers.host });
        const { pathname, search } = splitUrl(request.url ?? "/");
        const route = routeOf(pathname, search);
        const protocol = route.choose(offeredProtocols(request));
        socket.write(answerHandshake(request, protocol));
        socket.setTimeout(0);
        socket.setNoDelay(true);
        accept(socket, head, route, protocol ?? "");
      } catch (error) {
        tally.clientErrors++;
        const told = asGatewayError(error);
        // RFC 6455, section 4.4: which version would be taken.
        endWithError(socket, told, told.code === "BAD_REQUEST" ? { "Sec-WebSocket-Version": "13" } : {});
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
    },
  };
}

function splitUrl(url: string): { readonly pathname: string; readonly search: string } {
  const at = url.indexOf("?");
  return at < 0 ? { pathname: url, search: "" } : { pathname: url.slice(0, at), search: url.slice(at) };
}
