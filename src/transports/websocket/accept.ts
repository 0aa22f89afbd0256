/** Accepted WebSockets: opens their session, passes their messages to the route, and records how they end. */
// cspell:ignore enduser
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { Visitor } from "../../access/admission.ts";
import type { MemoryLease } from "../../access/limits/memory-budget.ts";
import type { Session } from "../../access/sessions.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { TransportParts } from "../parts.ts";
import { PROTOCOL_CLOSE, type ProtocolError } from "../websocket-protocol/frames/protocol-error.ts";
import {
  type MessageHandlers,
  ServerWebSocket,
  type ServerWebSocketOptions,
  type SocketClient,
} from "../websocket-protocol/socket.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type UpgradeRoute,
} from "../websocket-protocol/upgrade-route.ts";
import { HoldableSocket } from "./holdable-socket.ts";
import type { KeptAlive } from "./keep-alive.ts";
import { createSocketRateLimit } from "./rate-limit.ts";

/** Admitted upgrade. */
export interface Admitted {
  readonly route: Route;
  readonly protocol: string | undefined;
  readonly visitor: Visitor;
  readonly headers: IncomingHttpHeaders;
}

/** A route with the parts of the URL that it takes. */
export interface Route extends UpgradeRoute {
  readonly segment: string;
  readonly item: string;
  readonly search: string;
}

/** Parts that accepting uses. */
export interface AcceptParts extends TransportParts {
  readonly webSocketOptions: ServerWebSocketOptions;
  /** Open sockets. */
  readonly open: Set<OpenSocket>;
}

/** Open WebSocket and its state in one object, because there are thousands of idle ones. */
export class OpenSocket implements MessageHandlers, SocketClient, KeptAlive {
  readonly webSocket: ServerWebSocket;
  readonly session: Session;
  readonly maxMessageBytes: number;
  receivedAt = performance.now();
  betweenMessagesAt = this.receivedAt;
  readonly #parts: AcceptParts;
  readonly #endSpan: EndSpan | undefined;
  /** Counts received messages, if a rate limit is set. */
  readonly #count: ((messageBytes: number) => void) | undefined;
  /** Undefined if the route rejected the request. */
  #served: ServedSocket | undefined;

  constructor(socket: Socket, { route, visitor, headers }: Admitted, parts: AcceptParts) {
    const { access, observe } = parts;
    const { kind } = route;
    this.#parts = parts;
    this.maxMessageBytes = route.maxMessageBytes;
    this.session = access.sessions.open(visitor, kind, socket, (error) => this.#fail(error));
    if (access.limits.hasRates) {
      const held = new HoldableSocket(socket, parts.webSocketOptions, this);
      this.webSocket = held;
      this.#count = createSocketRateLimit(held, access.limits.accountOf(visitor), parts.streams.turnEnd);
    } else this.webSocket = new ServerWebSocket(socket, parts.webSocketOptions, this);
    this.#endSpan = observe.tracing?.start(`WebSocket ${kind}`, spanAttributes(visitor), headers);
    observe.logger.debug(errorContextOf(this.session), "WebSocket opened");
  }

  /** Lets the route serve the socket, or closes it if the route rejects the request. @param head data received with the handshake */
  serve(socket: Socket, head: Buffer, { route, protocol = "" }: Admitted): void {
    const { webSocket, session } = this;
    const { segment, item, search } = route;
    const rejection = this.#attempt(() => {
      this.#served = route.serve({ webSocket, socket, segment, item, search, protocol, session });
      this.#parts.open.add(this);
    });
    const failure = this.#attempt(() => webSocket.start(this, head)) ?? rejection;
    if (failure !== undefined) closeWith(webSocket, failure);
  }

  /** Calls a step. @returns its exception, which is logged: the handshake is answered, so only a close frame can report it */
  #attempt(step: () => void): GatewayError | undefined {
    try {
      step();
      return undefined;
    } catch (exception) {
      const error = asGatewayError(exception);
      this.#parts.observe.errorLog.note(error, errorContextOf(this.session));
      return error;
    }
  }

  /** Answers pending messages, then closes the connection. */
  end(error: GatewayError): void {
    this.#served?.end(error);
  }

  /** Number of unsent bytes. */
  get unsentBytes(): number {
    return this.session.traffic.writableLength;
  }

  address(): string {
    return this.session.visitor.address;
  }

  openLease(): MemoryLease {
    return this.#parts.access.memory.receive("message", this.session.visitor);
  }

  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void {
    if (this.#served === undefined) return;
    this.#count?.(bytes.length);
    this.#served.message(bytes, isBinary, memory);
  }

  pong(payload: Uint8Array): void {
    this.#served?.pong?.(payload);
  }

  closed(code: number): void {
    const { access, observe, open } = this.#parts;
    open.delete(this);
    access.sessions.forget(this.session);
    this.#endSpan?.({}, false);
    observe.logger.debug(errorContextOf(this.session), "WebSocket closed");
    this.#served?.closed(code);
  }

  broke(error: ProtocolError): void {
    if (this.#served !== undefined) note(error, this.session, this.#parts);
  }

  #fail(error: GatewayError): void {
    this.#parts.observe.errorLog.note(error, errorContextOf(this.session));
    this.end(error);
  }
}

type EndSpan = ReturnType<NonNullable<TransportParts["observe"]["tracing"]>["start"]>;

/** Counts and logs a protocol violation. */
function note(error: ProtocolError, session: Session, { access, observe }: TransportParts): void {
  if (error.closeCode === PROTOCOL_CLOSE.tooLarge) {
    access.limits.hit("message_bytes");
    observe.errorLog.note(new GatewayError("TOO_LARGE", error.message), errorContextOf(session));
    return;
  }
  observe.counters.clientErrors++;
  observe.logger.debug({ ...errorContextOf(session), err: error }, "WebSocket protocol violation");
}

const spanAttributes = ({ id, address, identity }: Visitor) => ({
  "redis_streamer.connection": id,
  "client.address": address,
  "enduser.id": identity.name,
});
