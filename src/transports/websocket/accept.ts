/** Accepted WebSockets: opens their session, passes their messages to the route, and records how they end. */
// cspell:ignore enduser
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { Visitor } from "../../access/admission.ts";
import type { Session } from "../../access/sessions.ts";
import { asGatewayError, GatewayError } from "../../domain/errors.ts";
import type { TransportParts } from "../parts.ts";
import { PROTOCOL_CLOSE, type ProtocolError } from "../websocket-protocol/frames/protocol-error.ts";
import type { PayloadPool } from "../websocket-protocol/memory/buffer-pool.ts";
import {
  type MessageHandlers,
  ServerWebSocket,
  type ServerWebSocketOptions,
} from "../websocket-protocol/socket.ts";
import {
  closeWith,
  errorContextOf,
  type ServedSocket,
  type UpgradeRoute,
} from "../websocket-protocol/upgrade-route.ts";
import { HoldableSocket } from "./holdable-socket.ts";
import type { KeepAlive } from "./keep-alive.ts";
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

/** Open socket. */
export interface OpenSocket {
  readonly webSocket: ServerWebSocket;
  /** Underlying TCP socket. */
  readonly socket: Socket;
  readonly served: ServedSocket;
}

/** Parts that accepting uses. */
export interface AcceptParts extends TransportParts {
  readonly payloadPool: PayloadPool;
  readonly keepAlive: KeepAlive;
  /** Open sockets. */
  readonly open: Set<OpenSocket>;
}

const ignore = () => undefined;

/**
 * Serves a socket whose handshake has been answered.
 *
 * @param head data received together with the handshake
 * @returns the served socket; undefined if the route rejected the request
 */
export function acceptSocket(
  socket: Socket,
  head: Buffer,
  admitted: Admitted,
  parts: AcceptParts,
): ServedSocket | undefined {
  const { route, protocol, visitor, headers } = admitted;
  const { access, observe } = parts;
  const { kind, maxMessageBytes } = route;
  const options: ServerWebSocketOptions = {
    maxMessageBytes,
    pool: parts.payloadPool,
    deadlines: access.deadlines,
    uploads: access.memory.uploads,
    workSlices: access.turns.slices,
    turns: access.turns.requests,
    address: () => visitor.address,
    openLease: () => access.memory.receive("message", visitor),
  };
  const held = access.limits.hasRates ? new HoldableSocket(socket, options) : undefined;
  const webSocket = held ?? new ServerWebSocket(socket, options);
  let served: ServedSocket | undefined;
  const session = access.sessions.open(visitor, kind, socket, (error) => {
    observe.errorLog.note(error, errorContextOf(session));
    served?.end(error);
  });
  const endSpan = observe.tracing?.start(`WebSocket ${kind}`, spanAttributes(visitor), headers);
  observe.logger.debug(errorContextOf(session), "WebSocket opened");
  const forget = () => {
    access.sessions.forget(session);
    endSpan?.({}, false);
    observe.logger.debug(errorContextOf(session), "WebSocket closed");
  };
  try {
    const { segment, item, search } = route;
    served = route.serve({ webSocket, socket, segment, item, search, protocol: protocol ?? "", session });
    const one: OpenSocket = { webSocket, socket, served };
    const unwatch = parts.keepAlive.watch(webSocket, session);
    parts.open.add(one);
    const count =
      held && createSocketRateLimit(held, access.limits.accountOf(visitor), parts.streams.turnEnd);
    const onClosed = () => {
      parts.open.delete(one);
      unwatch();
      forget();
    };
    webSocket.start(
      handlersOf(served, count, onClosed, (error) => note(error, session, parts)),
      head,
    );
    return served;
  } catch (error) {
    const rejection = asGatewayError(error);
    observe.errorLog.note(rejection, errorContextOf(session));
    webSocket.start({ message: ignore, closed: forget, broke: ignore }, head);
    closeWith(webSocket, rejection);
    return undefined;
  }
}

/** Returns the handlers of a socket. @param count counts received messages, if a rate limit is set */
function handlersOf(
  served: ServedSocket,
  count: ((messageBytes: number) => void) | undefined,
  onClosed: () => void,
  broke: (error: ProtocolError) => void,
): MessageHandlers {
  return {
    message: count
      ? (bytes, isBinary, memory) => {
          count(bytes.length);
          served.message(bytes, isBinary, memory);
        }
      : served.message,
    pong: (payload) => served.pong?.(payload),
    closed(code) {
      onClosed();
      served.closed(code);
    },
    broke,
  };
}

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
