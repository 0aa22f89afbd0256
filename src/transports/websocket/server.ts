/** WebSocket server: accepts upgrades, detects dead connections with pings, and closes connections on shutdown. */
// cspell:ignore enduser
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Admission, Visitor } from "../../access/admission.ts";
import type { Session, SessionKind } from "../../access/sessions.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { EndSpan, Tracing } from "../../observe/tracing.ts";
import { chooseProtocol, type ServeGraphql } from "../graphql/protocol/websocket.ts";
import { unknownParameters } from "../request/parameters.ts";
import { withoutPrefix } from "../request/path-prefix.ts";
import { checkHead } from "../request/request-head.ts";
import { routePatternOf } from "../response/error-log.ts";
import type { SocketDeadlines } from "../response/socket-deadlines.ts";
import { closeWith, errorContextOf, type ServedSocket, type WebSocketParts } from "./connection.ts";
import { MOST_CONTROL_BYTES } from "./control.ts";
import { makeHoldable } from "./holdable-socket.ts";
import { PROTOCOL_CLOSE } from "./protocol/frame-reader.ts";
import {
  answerHandshake,
  offeredProtocols,
  rejectUpgrade,
  selectAnyProtocol,
  splitUrl,
} from "./protocol/handshake.ts";
import { createServerWebSocket, type ServerWebSocket } from "./protocol/socket.ts";
import { servePull } from "./pull.ts";
import { servePush } from "./push.ts";
import { createSocketRateLimit } from "./rate-limit.ts";

/** WebSocket transport of the gateway. */
export interface WebSocketTransport {
  /** Handles an `upgrade` of the HTTP server. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Returns the number of open sockets. */
  size(): number;
  /** Returns the number of unsent bytes of all sockets. */
  sendBufferBytes(): number;
  /** Closes all sockets with a closing handshake. @param withinMs time after which open sockets are destroyed */
  close(withinMs: number): Promise<void>;
}

/** Parts that the transport uses. */
export interface WebSocketTransportParts extends WebSocketParts {
  readonly admission: Admission;
  readonly serveGraphql: ServeGraphql;
  readonly maxMessageBytes: number;
  readonly graphqlMaxBytes: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** Maximum time (ms) to receive one message. */
  readonly uploadTimeoutMs: number;
  readonly pathPrefix: string;
  readonly tracing: Tracing | undefined;
  readonly deadlines: SocketDeadlines;
}

/** Route of an upgrade request. */
interface Route {
  readonly kind: SessionKind;
  readonly maxMessageBytes: number;
  /** Selects one of the subprotocols that a client offers. */
  choose(offered: readonly string[]): string | undefined;
  /** Serves a socket. @throws GatewayError if a parameter is invalid, or the client lacks the permission */
  serve(webSocket: ServerWebSocket, socket: Socket, session: Session, protocol: string): ServedSocket;
}

/** Admitted upgrade. */
interface Admitted {
  readonly route: Route;
  readonly protocol: string | undefined;
  readonly visitor: Visitor;
  readonly headers: IncomingHttpHeaders;
}

interface OpenSocket {
  readonly webSocket: ServerWebSocket;
  /** Underlying TCP socket. */
  readonly socket: Socket;
  readonly session: Session;
  readonly served: ServedSocket;
  /** Time of the last ping interval in which data was received, in ms of `performance.now()`. */
  heardAt: number;
  /** Time of the last ping interval in which no message, or a different one, was being received. */
  betweenMessagesAt: number;
}

const DATA_ROUTE = /^\/data\/([^/]+)\/(push|pull)\/?$/;
const GRAPHQL_ROUTE = /^\/graphql\/?$/;
const CLOSE_POLL_MS = 20;
const ignore = () => undefined;
const stopping = () => new GatewayError("SHUTTING_DOWN", "the gateway is shutting down");

/** Creates the transport. */
export function createWebSocketTransport(parts: WebSocketTransportParts): WebSocketTransport {
  const { admission, payloadPool, pingIntervalMs, pingTimeoutMs, counters, logger } = parts;
  const { sessions, errorLog, limiting, memory, uploadTimeoutMs, pathPrefix } = parts;
  const open = new Set<OpenSocket>();
  let isClosing = false;
  const pinging = setInterval(pingAll, pingIntervalMs);

  /** Pings idle sockets. One timer serves all sockets. */
  function pingAll(): void {
    const now = performance.now();
    for (const one of open) {
      const { webSocket } = one;
      if (webSocket.wasHeard()) one.heardAt = now;
      // A paused socket cannot receive the rest of its message.
      if (!webSocket.isMidMessage() || webSocket.isPaused()) one.betweenMessagesAt = now;
      const { heardAt, betweenMessagesAt } = one;
      if (now - betweenMessagesAt > uploadTimeoutMs) {
        // Prevents a second close of the same session.
        one.betweenMessagesAt = Number.POSITIVE_INFINITY;
        limiting.hit("upload_time");
        one.session.end(
          new GatewayError("REQUEST_TIMEOUT", `a message must be received within ${uploadTimeoutMs} ms`),
        );
      } else if (now - heardAt > pingTimeoutMs) webSocket.terminate();
      else if (now - heardAt > pingIntervalMs / 2) webSocket.ping();
    }
  }

  function endSession(session: Session, endSpan: EndSpan | undefined): void {
    sessions.forget(session);
    endSpan?.({}, false);
    logger.debug(errorContextOf(session), "WebSocket closed");
  }

  function routeOf(pathname: string, search: string): Route {
    const [, segment = "", kind] = DATA_ROUTE.exec(pathname) ?? [];
    if (kind === "push" || kind === "pull") {
      const serve = kind === "push" ? servePush : servePull;
      return {
        kind,
        // Pulling clients send only acks and control messages.
        maxMessageBytes:
          kind === "push" ? parts.maxMessageBytes : Math.min(MOST_CONTROL_BYTES, parts.maxMessageBytes),
        choose: selectAnyProtocol,
        serve: (webSocket, socket, session) => serve({ webSocket, socket, segment, search, session }, parts),
      };
    }
    if (!GRAPHQL_ROUTE.test(pathname))
      throw new GatewayError("NOT_FOUND", `no WebSocket route at ${pathname.slice(0, 100)}`);
    return {
      kind: "graphql",
      maxMessageBytes: parts.graphqlMaxBytes,
      choose: chooseProtocol,
      serve: parts.serveGraphql,
    };
  }

  /** Logs unknown parameters. @returns a warning for each, for the headers of the handshake */
  function warnAboutUnknown(kind: "push" | "pull", search: string, visitor: Visitor): readonly string[] {
    const sentences = unknownParameters(kind, search);
    parts.warnings.note("parameter", sentences, {
      route: `/data/{stream_id}/${kind}`,
      connection: visitor.id,
      address: visitor.address,
      identity: visitor.identity.name,
    });
    return sentences;
  }

  function accept(socket: Socket, head: Buffer, { route, protocol, visitor, headers }: Admitted): void {
    const { kind, maxMessageBytes } = route;
    const bare = createServerWebSocket(socket, {
      maxMessageBytes,
      pool: payloadPool,
      deadlines: parts.deadlines,
      openLease: () => memory.receive("message", visitor),
    });
    const held = limiting.hasRates ? makeHoldable(bare) : undefined;
    const webSocket = held ?? bare;
    let served: ServedSocket | undefined;
    const session = sessions.open(visitor, kind, (error) => {
      errorLog.note(error, errorContextOf(session));
      served?.end(error);
    });
    const endSpan = parts.tracing?.start(`WebSocket ${kind}`, spanAttributes(visitor), headers);
    logger.debug(errorContextOf(session), "WebSocket opened");
    try {
      const serving = route.serve(webSocket, socket, session, protocol ?? "");
      served = serving;
      const now = performance.now();
      const one = { webSocket, socket, session, served: serving, heardAt: now, betweenMessagesAt: now };
      open.add(one);
      const count = held && createSocketRateLimit(held, limiting.accountOf(visitor), parts.turnEnd);
      webSocket.start(
        {
          message: count
            ? (bytes, isBinary, memory) => {
                count(bytes.length);
                serving.message(bytes, isBinary, memory);
              }
            : serving.message,
          pong: (payload) => serving.pong?.(payload),
          closed(code) {
            open.delete(one);
            endSession(session, endSpan);
            serving.closed(code);
          },
          broke(error) {
            if (error.closeCode === PROTOCOL_CLOSE.tooLarge) {
              limiting.hit("message_bytes");
              errorLog.note(new GatewayError("TOO_LARGE", error.message), errorContextOf(session));
              return;
            }
            counters.clientErrors++;
            logger.debug({ ...errorContextOf(session), err: error }, "WebSocket protocol violation");
          },
        },
        head,
      );
      if (isClosing) serving.end(stopping());
    } catch (error) {
      const rejection = asGatewayError(error);
      errorLog.note(rejection, errorContextOf(session));
      webSocket.start({ message: ignore, closed: () => endSession(session, endSpan), broke: ignore }, head);
      closeWith(webSocket, rejection);
    }
  }

  return {
    size: () => open.size,
    sendBufferBytes() {
      let bytes = 0;
      for (const { socket } of open) bytes += socket.writableLength;
      return bytes;
    },
    upgrade(request, socket, head) {
      // An unhandled error event would end the process. The close event that follows each error is sufficient.
      socket.on("error", ignore);
      const { pathname, search } = splitUrl(withoutPrefix(request.url ?? "/", pathPrefix));
      let visitor: Visitor | undefined;
      const reject = (error: unknown) => {
        const rejection = asGatewayError(error);
        errorLog.note(rejection, {
          route: routePatternOf(pathname),
          connection: visitor?.id,
          address: visitor?.address ?? socket.remoteAddress,
        });
        rejectUpgrade(socket, rejection, visitor, parts.deadlines);
      };
      try {
        visitor = admission.receive(request);
        admission.check(visitor, request);
        checkHead(request);
        const route = routeOf(pathname, search);
        const protocol = route.choose(offeredProtocols(request));
        const admitted = { route, protocol, visitor, headers: request.headers };
        const upgrade = () => {
          limiting.checkConnection(admitted.visitor);
          const { kind } = route;
          const isData = kind === "push" || kind === "pull";
          const unknown = isData ? warnAboutUnknown(kind, search, admitted.visitor) : [];
          socket.write(answerHandshake(request, protocol, admitted.visitor.id, unknown));
          socket.setTimeout(0);
          socket.setNoDelay(true);
          accept(socket, head, admitted);
        };
        const identifying = admission.identify(visitor, request);
        if (identifying === undefined) upgrade();
        else identifying.then(upgrade).catch(reject);
      } catch (error) {
        reject(error);
      }
    },
    async close(withinMs) {
      isClosing = true;
      clearInterval(pinging);
      for (const { served } of open) served.end(stopping());
      const deadline = performance.now() + withinMs;
      while (open.size > 0 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, CLOSE_POLL_MS));
      }
      for (const { webSocket } of open) webSocket.terminate();
    },
  };
}

const spanAttributes = ({ id, address, identity }: Visitor) => ({
  "redis_streamer.connection": id,
  "client.address": address,
  "enduser.id": identity.name,
});
