/** Takes WebSocket upgrades in, keeps their sockets alive or finds out that they are not, and ends them in order. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Admission, Visitor } from "../../access/admission.ts";
import type { Session } from "../../access/sessions.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { EndSpan, Tracing } from "../../observe/tracing.ts";
import { withoutPrefix } from "../path-prefix.ts";
import { readQuery } from "../query.ts";
import { doorOf } from "../refusals.ts";
import { closeWith, refusedAt, type ServedSocket, type WebSocketParts } from "./connection.ts";
import { answerHandshake, refuseUpgrade, splitUrl } from "./handshake.ts";
import { makeHoldable } from "./holdable-socket.ts";
import { servePull } from "./pull.ts";
import { servePush } from "./push.ts";
import { createRateKeeper } from "./rate-keeper.ts";
import { createServerWebSocket, type ServerWebSocket } from "./server-socket.ts";

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
  readonly maxMessageBytes: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /** How long (ms) one message may take to come in. */
  readonly uploadTimeoutMs: number;
  readonly pathPrefix: string;
  readonly tracing: Tracing | undefined;
}

/** What an upgrade asks for. */
interface Asked {
  /** The stream ids of the path, percent-encoded. */
  readonly segment: string;
  readonly kind: "push" | "pull";
  readonly search: string;
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

const ROUTE = /^\/data\/([^/]+)\/(push|pull)\/?$/;
const CLOSE_POLL_MS = 20;
const TOO_LARGE_CLOSE = 1009;
const ignore = () => undefined;
const stopping = () => new GatewayError("SHUTTING_DOWN", "the gateway stops");

/** Makes the transport. */
export function createWebSocketTransport(parts: WebSocketTransportParts): WebSocketTransport {
  const { admission, maxMessageBytes, payloadPool, pingIntervalMs, pingTimeoutMs, tally, logger } = parts;
  const { sessions, refusals, limiting, uploadTimeoutMs, pathPrefix } = parts;
  const frames = { maxMessageBytes, pool: payloadPool };
  const open = new Set<OpenSocket>();
  let isClosing = false;
  const pinging = setInterval(pingAll, pingIntervalMs);

  /** One timer for all: thousands of idle sockets cost one walk. */
  function pingAll(): void {
    const now = performance.now();
    for (const one of open) {
      const { webSocket, socket } = one;
      if (webSocket.wasHeard()) one.heardAt = now;
      // What is not read cannot come in.
      if (!webSocket.isMidMessage() || socket.isPaused()) one.betweenMessagesAt = now;
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

  function accept(socket: Socket, head: Buffer, asked: Asked): void {
    const { kind, visitor } = asked;
    const bare = createServerWebSocket(socket, frames);
    const held = limiting.hasRates ? makeHoldable(bare) : undefined;
    const webSocket = held ?? bare;
    let served: ServedSocket | undefined;
    const session = sessions.open(visitor, kind, (error) => {
      refusals.note(error, refusedAt(session));
      served?.end(error);
    });
    const endSpan = parts.tracing?.start(`WebSocket ${kind}`, spanAttributes(visitor), asked.headers);
    logger.debug(refusedAt(session), "a WebSocket opened");
    try {
      const { segment, search } = asked;
      const request = { webSocket, socket, segment, query: readQuery(search), session };
      const serving = kind === "push" ? servePush(request, parts) : servePull(request, parts);
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
          closed() {
            open.delete(one);
            leave(session, endSpan);
            serving.closed();
          },
          broke(error) {
            tally.clientErrors++;
            if (error.closeCode === TOO_LARGE_CLOSE) limiting.hit("message_bytes");
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
        refuseUpgrade(socket, told, visitor);
      };
      try {
        visitor = admission.receive(request);
        const [, segment = "", kind] = ROUTE.exec(pathname) ?? [];
        if (kind !== "push" && kind !== "pull")
          throw new GatewayError("NOT_FOUND", `there is no WebSocket at ${pathname.slice(0, 100)}`);
        const asked = { segment, kind, search, visitor, headers: request.headers } as const;
        const upgrade = () => {
          limiting.checkConnection(asked.visitor);
          socket.write(answerHandshake(request, asked.visitor.id));
          socket.setTimeout(0);
          socket.setNoDelay(true);
          accept(socket, head, asked);
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
