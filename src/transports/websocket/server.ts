/** Takes WebSocket upgrades in, keeps their sockets alive or finds out that they are not, and ends them in order. */
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { type Admission, CONNECTION_HEADER, type Visitor } from "../../access/admission.ts";
import { BEARER_PROTOCOL } from "../../access/credentials.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import { errorBody } from "../append-results.ts";
import { readQuery } from "../query.ts";
import { doorOf } from "../refusals.ts";
import { closeWith, refusedAt, type ServedSocket, type WebSocketParts } from "./connection.ts";
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
  readonly admission: Admission;
  readonly maxMessageBytes: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

/** What an upgrade asks for. */
interface Asked {
  /** The stream ids of the path, percent-encoded. */
  readonly segment: string;
  readonly kind: "push" | "pull";
  readonly search: string;
  readonly visitor: Visitor;
}

interface OpenSocket {
  readonly webSocket: WebSocket;
  readonly served: ServedSocket;
  /** Something came since the last look. A flag, because asking the clock for each message would cost. */
  wasHeard: boolean;
  /** When something had come at the last look, in ms of `performance.now()`. */
  heardAt: number;
}

const ROUTE = /^\/data\/([^/]+)\/(push|pull)\/?$/;
const CLOSE_POLL_MS = 20;

const stopping = () => new GatewayError("SHUTTING_DOWN", "the gateway stops");

/** Makes the transport. */
export function createWebSocketTransport(parts: WebSocketTransportParts): WebSocketTransport {
  const { admission, maxMessageBytes, pingIntervalMs, pingTimeoutMs, tally, logger, sessions, refusals } =
    parts;
  const server = new WebSocketServer({
    noServer: true,
    WebSocket: explainingWebSocket(maxMessageBytes),
    clientTracking: false,
    // Payloads are pictures and packed numbers; deflate would cost far more than it saves.
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    handleProtocols: chooseProtocol,
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
      if (now - heardAt > pingTimeoutMs) webSocket.terminate();
      else if (now - heardAt > pingIntervalMs / 2) webSocket.ping();
    }
  }

  function accept(webSocket: WebSocket, socket: Socket, { segment, kind, search, visitor }: Asked): void {
    webSocket.on("error", (error) => {
      tally.clientErrors++;
      logger.debug({ err: error, connection: visitor.id }, "a WebSocket broke");
    });
    const session = sessions.open(visitor, kind, (error) => {
      refusals.note(error, refusedAt(session));
      served?.end(error);
    });
    let served: ServedSocket | undefined;
    webSocket.on("close", () => sessions.forget(session));
    try {
      const request = { webSocket, socket, segment, query: readQuery(search), session };
      served = kind === "push" ? servePush(request, parts) : servePull(request, parts);
      const one: OpenSocket = { webSocket, served, wasHeard: false, heardAt: performance.now() };
      open.add(one);
      const heard = () => {
        one.wasHeard = true;
      };
      webSocket.on("pong", heard);
      webSocket.on("message", heard);
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
    upgrade(request, socket, head) {
      // Before the handshake is done nobody else listens, and an unheard error would end the process.
      const ignore = () => undefined;
      socket.on("error", ignore);
      const { pathname, search } = splitUrl(request.url ?? "/");
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
        const asked = { segment, kind, search, visitor } as const;
        visitors.set(request, visitor);
        const upgrade = () =>
          server.handleUpgrade(request, socket, head, (webSocket) => {
            socket.removeListener("error", ignore);
            socket.setNoDelay(true);
            accept(webSocket, socket, asked);
          });
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

function splitUrl(url: string): { readonly pathname: string; readonly search: string } {
  const at = url.indexOf("?");
  return at < 0 ? { pathname: url, search: "" } : { pathname: url.slice(0, at), search: url.slice(at) };
}

/** A browser wants one of the subprotocols that it offered; the one with the secret only if there is no other. */
function chooseProtocol(offered: ReadonlySet<string>): string | false {
  const [first] = offered;
  return [...offered].find((one) => !one.startsWith(BEARER_PROTOCOL)) ?? first ?? false;
}

/** Answers an upgrade that is not to be: still HTTP, so with a status. */
function refuseUpgrade(socket: Socket, error: GatewayError, visitor: Visitor | undefined): void {
  const body = JSON.stringify(errorBody(error));
  const { status } = error.kind;
  const named = visitor === undefined ? "" : `${CONNECTION_HEADER}: ${visitor.id}\r\n`;
  const challenge = status === 401 ? "WWW-Authenticate: Bearer\r\n" : "";
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\n${named}${challenge}` +
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
