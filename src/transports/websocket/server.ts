/** Takes WebSocket upgrades in, keeps their sockets alive or finds out that they are not, and ends them in order. */
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
import { doorOf } from "../response/error-log.ts";
import type { SocketDeadlines } from "../response/socket-deadlines.ts";
import { closeWith, refusedAt, type ServedSocket, type WebSocketParts } from "./connection.ts";
import { MOST_CONTROL_BYTES } from "./control.ts";
import { makeHoldable } from "./holdable-socket.ts";
import { PROTOCOL_CLOSE } from "./protocol/frame-reader.ts";
import {
  answerHandshake,
  chooseOpenly,
  offeredProtocols,
  refuseUpgrade,
  splitUrl,
} from "./protocol/handshake.ts";
import { createServerWebSocket, type ServerWebSocket } from "./protocol/socket.ts";
import { servePull } from "./pull.ts";
import { servePush } from "./push.ts";
import { createRateKeeper } from "./rate-limit.ts";

/** The WebSocket side of the gateway. */
export interface WebSocketTransport {
  /** Handles an `upgrade` of the HTTP server. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Sockets open now. */
  size(): number;
  /** What all of them have not sent yet, in bytes. */
  sendBufferBytes(): number;
  /** Ends all sockets in order. @param withinMs after that they are cut */
  close(withinMs: number): Promise<void>;
}

/** What the transport is made of. */
export interface WebSocketTransportParts extends WebSocketParts {
  readonly admission: Admission;
  readonly serveGraphql: ServeGraphql;
  readonly maxMessageBytes: number;
  readonly graphqlMaxBytes: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** How long (ms) one message may take to come in. */
  readonly uploadTimeoutMs: number;
  readonly pathPrefix: string;
  readonly tracing: Tracing | undefined;
  readonly deadlines: SocketDeadlines;
}

/** What a path is for. */
interface Route {
  readonly kind: SessionKind;
  readonly maxMessageBytes: number;
  /** Chooses among the subprotocols that a client offers. */
  choose(offered: readonly string[]): string | undefined;
  /** @throws GatewayError where a parameter is wrong, or the client may not do what it asks for */
  serve(webSocket: ServerWebSocket, socket: Socket, session: Session, protocol: string): ServedSocket;
}

/** An upgrade that is let in. */
interface Admitted {
  readonly route: Route;
  readonly protocol: string | undefined;
  readonly visitor: Visitor;
  readonly headers: IncomingHttpHeaders;
}

interface OpenSocket {
  readonly webSocket: ServerWebSocket;
  /** The socket below it. */
  readonly socket: Socket;
  readonly session: Session;
  readonly served: ServedSocket;
  /** When something had come at the last look, in ms of `performance.now()`. */
  heardAt: number;
  /** When the last look saw that no message, or another one, was coming in. */
  betweenMessagesAt: number;
}

const DATA_ROUTE = /^\/data\/([^/]+)\/(push|pull)\/?$/;
const GRAPHQL_ROUTE = /^\/graphql\/?$/;
const CLOSE_POLL_MS = 20;
const ignore = () => undefined;
const stopping = () => new GatewayError("SHUTTING_DOWN", "the gateway stops");

/** Makes the transport. */
export function createWebSocketTransport(parts: WebSocketTransportParts): WebSocketTransport {
  const { admission, payloadPool, pingIntervalMs, pingTimeoutMs, counters, logger } = parts;
  const { sessions, refusals, limiting, memory, uploadTimeoutMs, pathPrefix } = parts;
  const open = new Set<OpenSocket>();
  let isClosing = false;
  const pinging = setInterval(pingAll, pingIntervalMs);

  /** One timer for all: thousands of idle sockets cost one walk. */
  function pingAll(): void {
    const now = performance.now();
    for (const one of open) {
      const { webSocket } = one;
      if (webSocket.wasHeard()) one.heardAt = now;
      // What is not read cannot come in.
      if (!webSocket.isMidMessage() || webSocket.isPaused()) one.betweenMessagesAt = now;
      const { heardAt, betweenMessagesAt } = one;
      if (now - betweenMessagesAt > uploadTimeoutMs) {
        // Once; its close is on the way.
        one.betweenMessagesAt = Number.POSITIVE_INFINITY;
        limiting.hit("upload_time");
        one.session.end(new GatewayError("REQUEST_TIMEOUT", "a message took too long to come in"));
      } else if (now - heardAt > pingTimeoutMs) webSocket.terminate();
      else if (now - heardAt > pingIntervalMs / 2) webSocket.ping();
    }
  }

  function leave(session: Session, endSpan: EndSpan | undefined): void {
    sessions.forget(session);
    endSpan?.({}, false);
    logger.debug(refusedAt(session), "a WebSocket closed");
  }

  function routeOf(pathname: string, search: string): Route {
    const [, segment = "", kind] = DATA_ROUTE.exec(pathname) ?? [];
    if (kind === "push" || kind === "pull") {
      const serve = kind === "push" ? servePush : servePull;
      return {
        kind,
        // A pulling client sends acks and control messages only.
        maxMessageBytes:
          kind === "push" ? parts.maxMessageBytes : Math.min(MOST_CONTROL_BYTES, parts.maxMessageBytes),
        choose: chooseOpenly,
        serve: (webSocket, socket, session) => serve({ webSocket, socket, segment, search, session }, parts),
      };
    }
    if (!GRAPHQL_ROUTE.test(pathname))
      throw new GatewayError("NOT_FOUND", `there is no WebSocket at ${pathname.slice(0, 100)}`);
    return {
      kind: "graphql",
      maxMessageBytes: parts.graphqlMaxBytes,
      choose: chooseProtocol,
      serve: parts.serveGraphql,
    };
  }

  /** Reports parameters that the route does not know. @returns a sentence for each, for the handshake's headers */
  function warnOfUnknown(kind: "push" | "pull", search: string, visitor: Visitor): readonly string[] {
    const sentences = unknownParameters(kind, search);
    parts.warnings.note("parameter", sentences, {
      door: `/data/{stream_id}/${kind}`,
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
      refusals.note(error, refusedAt(session));
      served?.end(error);
    });
    const endSpan = parts.tracing?.start(`WebSocket ${kind}`, spanAttributes(visitor), headers);
    logger.debug(refusedAt(session), "a WebSocket opened");
    try {
      const serving = route.serve(webSocket, socket, session, protocol ?? "");
      served = serving;
      const now = performance.now();
      const one = { webSocket, socket, session, served: serving, heardAt: now, betweenMessagesAt: now };
      open.add(one);
      const count = held && createRateKeeper(held, limiting.accountOf(visitor), parts.turnEnd);
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
            leave(session, endSpan);
            serving.closed(code);
          },
          broke(error) {
            if (error.closeCode === PROTOCOL_CLOSE.tooLarge) {
              limiting.hit("message_bytes");
              refusals.note(new GatewayError("TOO_LARGE", error.message), refusedAt(session));
              return;
            }
            counters.clientErrors++;
            logger.debug({ ...refusedAt(session), err: error }, "a WebSocket broke the protocol");
          },
        },
        head,
      );
      if (isClosing) serving.end(stopping());
    } catch (error) {
      const told = asGatewayError(error);
      refusals.note(told, refusedAt(session));
      webSocket.start({ message: ignore, closed: () => leave(session, endSpan), broke: ignore }, head);
      closeWith(webSocket, told);
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
      // The error of a socket is always followed by its close, which says enough; unheard it would end the process.
      socket.on("error", ignore);
      const { pathname, search } = splitUrl(withoutPrefix(request.url ?? "/", pathPrefix));
      let visitor: Visitor | undefined;
      const refuse = (error: unknown) => {
        const told = asGatewayError(error);
        refusals.note(told, {
          door: doorOf(pathname),
          connection: visitor?.id,
          address: visitor?.address ?? socket.remoteAddress,
        });
        refuseUpgrade(socket, told, visitor, parts.deadlines);
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
          const unknown = isData ? warnOfUnknown(kind, search, admitted.visitor) : [];
          socket.write(answerHandshake(request, protocol, admitted.visitor.id, unknown));
          socket.setTimeout(0);
          socket.setNoDelay(true);
          accept(socket, head, admitted);
        };
        const identifying = admission.identify(visitor, request);
        if (identifying === undefined) upgrade();
        else identifying.then(upgrade).catch(refuse);
      } catch (error) {
        refuse(error);
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
