/** Takes WebSocket upgrades in, keeps their sockets alive or finds out that they are not, and ends them in order. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { type Admission, CONNECTION_HEADER, type Visitor } from "../../access/admission.ts";
import type { Session } from "../../access/sessions.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { Tracing } from "../../observe/tracing.ts";
import { withoutPrefix } from "../path-prefix.ts";
import { readQuery } from "../query.ts";
import { doorOf } from "../refusals.ts";
import { closeWith, refusedAt, type ServedSocket, type WebSocketParts } from "./connection.ts";
import { chooseProtocol, refuseUpgrade, splitUrl } from "./handshake.ts";
import { explainingSocket, type HoldableSocket } from "./holdable-socket.ts";
import { servePull } from "./pull.ts";
import { servePush } from "./push.ts";
import { createRateKeeper } from "./rate-keeper.ts";

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

const spanAttributes = ({ id, address, identity }: Visitor) => ({
  "redis_streamer.connection": id,
  "client.address": address,
  "enduser.id": identity.name,
});

interface OpenSocket {
  readonly webSocket: HoldableSocket;
  /** The socket below it. */
  readonly socket: Socket;
  readonly session: Session;
  readonly served: ServedSocket;
  /** Something came since the last look. A flag, because asking the clock for each message would cost. */
  wasHeard: boolean;
  /** When something had come at the last look, in ms of `performance.now()`. */
  heardAt: number;
  /** A whole message came since the last look. */
  hadMessage: boolean;
  /** When and at which byte of the socket the last look saw that one had come. */
  messageAt: number;
  bytesAtMessage: number;
}

const ROUTE = /^\/data\/([^/]+)\/(push|pull)\/?$/;
const CLOSE_POLL_MS = 20;
/** RFC 6455, section 7.4.1: the server met what it did not expect. */
const FAILED_CLOSE = 1011;
/** What control frames may bring between two looks, in bytes, without being the beginning of a message. */
const CONTROL_BYTES = 4096;
/** Unsent bytes at which pings are no longer answered. */
const MOST_PONG_BYTES = 64 * 1024;

const stopping = () => new GatewayError("SHUTTING_DOWN", "the gateway stops");

/** Makes the transport. */
export function createWebSocketTransport(parts: WebSocketTransportParts): WebSocketTransport {
  const { admission, maxMessageBytes, pingIntervalMs, pingTimeoutMs, tally, logger, sessions, refusals } =
    parts;
  const { limiting, uploadTimeoutMs, pathPrefix } = parts;
  const server = new WebSocketServer({
    noServer: true,
    WebSocket: explainingSocket(maxMessageBytes, () => limiting.hit("message_bytes")),
    clientTracking: false,
    // Payloads are pictures and packed numbers; deflate would cost far more than it saves.
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols: chooseProtocol,
    // Pongs are sent below: whoever sends pings and reads nothing would fill the memory with the answers.
    autoPong: false,
  });
  const visitors = new WeakMap<IncomingMessage, Visitor>();
  server.on("headers", (headers, request) => {
    const visitor = visitors.get(request);
    if (visitor !== undefined) headers.push(`${CONNECTION_HEADER}: ${visitor.id}`);
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
      if (isStuck(one, now)) {
        limiting.hit("upload_time");
        one.session.end(new GatewayError("REQUEST_TIMEOUT", "a message took too long to come in"));
        // Nobody reads the close of a socket in the middle of a message.
        webSocket.terminate();
      } else if (now - heardAt > pingTimeoutMs) webSocket.terminate();
      else if (now - heardAt > pingIntervalMs / 2) webSocket.ping();
    }
  }

  /** Whether a socket has been in the middle of one message for too long. */
  function isStuck(one: OpenSocket, now: number): boolean {
    const { webSocket, socket } = one;
    if (one.hadMessage || webSocket.isPaused) {
      one.hadMessage = false;
      one.messageAt = now;
      one.bytesAtMessage = socket.bytesRead;
    }
    return socket.bytesRead - one.bytesAtMessage > CONTROL_BYTES && now - one.messageAt > uploadTimeoutMs;
  }

  /** Answers pings, unless the client does not take what it is sent. */
  function pong(webSocket: WebSocket, socket: Socket, data: Buffer): void {
    if (socket.writableLength < MOST_PONG_BYTES) webSocket.pong(data);
  }

  /** Notes that something came, and how much where that is limited. */
  function watch(one: OpenSocket): void {
    const { webSocket, socket, session } = one;
    const count = limiting.hasRates
      ? createRateKeeper(webSocket, limiting.accountOf(session.visitor), parts.turnEnd)
      : undefined;
    webSocket.on("message", (message: Buffer) => {
      one.wasHeard = true;
      one.hadMessage = true;
      count?.(message);
    });
    webSocket.on("pong", (data) => {
      one.wasHeard = true;
      count?.(data);
    });
    webSocket.on("ping", (data) => {
      count?.(data);
      pong(webSocket, socket, data);
    });
  }

  function accept(
    webSocket: HoldableSocket,
    socket: Socket,
    { segment, kind, search, visitor, headers }: Asked,
  ): void {
    webSocket.on("error", (error) => {
      tally.clientErrors++;
      logger.debug({ err: error, connection: visitor.id }, "a WebSocket broke");
    });
    const session = sessions.open(visitor, kind, (error) => {
      refusals.note(error, refusedAt(session));
      served?.end(error);
    });
    let served: ServedSocket | undefined;
    const endSpan = parts.tracing?.start(`WebSocket ${kind}`, spanAttributes(visitor), headers);
    webSocket.on("close", (code) => {
      sessions.forget(session);
      endSpan?.({ "redis_streamer.close_code": code }, code === FAILED_CLOSE);
      logger.debug({ ...refusedAt(session), code }, "a WebSocket closed");
    });
    logger.debug(refusedAt(session), "a WebSocket opened");
    try {
      const request = { webSocket, socket, segment, query: readQuery(search), session };
      served = kind === "push" ? servePush(request, parts) : servePull(request, parts);
      const now = performance.now();
      const one: OpenSocket = {
        webSocket,
        socket,
        session,
        served,
        wasHeard: false,
        heardAt: now,
        hadMessage: false,
        messageAt: now,
        bytesAtMessage: socket.bytesRead,
      };
      open.add(one);
      watch(one);
      webSocket.on("close", () => open.delete(one));
      if (isClosing) served.end(stopping());
    } catch (error) {
      const told = asGatewayError(error);
      refusals.note(told, refusedAt(session));
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
      // Before the handshake is done nobody else listens, and an unheard error would end the process.
      const ignore = () => undefined;
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
        visitors.set(request, visitor);
        const upgrade = () => {
          limiting.checkConnection(asked.visitor);
          server.handleUpgrade(request, socket, head, (webSocket) => {
            socket.removeListener("error", ignore);
            socket.setNoDelay(true);
            accept(webSocket, socket, asked);
          });
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
      server.close();
    },
  };
}
