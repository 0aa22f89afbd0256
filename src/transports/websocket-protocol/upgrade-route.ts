/** Interface between the WebSocket server and its routes, so that the server does not depend on the routes. */
import type { Socket } from "node:net";
import type { Session, SessionKind } from "../../access/sessions.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { ParameterRoute } from "../request/parameters/parameters.ts";
import { type ErrorContext, errorContext } from "../response/errors/error-log.ts";
import type { ServerWebSocket } from "./socket.ts";

/** Route of the WebSocket server. */
export interface UpgradeRoute {
  readonly kind: SessionKind;
  /** Matches the paths of the route. Its groups, if any, are passed on as `segment` and `item`. */
  readonly path: RegExp;
  /** Parameters of the route; the client is warned about others. Undefined to ignore the query. */
  readonly parameters?: ParameterRoute;
  readonly maxMessageBytes: number;
  /** Selects one of the subprotocols that a client offers. @throws GatewayError BAD_REQUEST if it offers none that the route requires */
  choose(offered: readonly string[]): string | undefined;
  /** Serves a socket. @throws GatewayError if a parameter is invalid, or the client lacks the permission */
  serve(request: SocketRequest): ServedSocket;
}

/** Accepted WebSocket and its request. */
export interface SocketRequest {
  readonly webSocket: ServerWebSocket;
  /** Underlying TCP socket, to which complete frames are written. */
  readonly socket: Socket;
  /** First variable part of the path, percent-encoded: stream ids or a device; empty if there is none. */
  readonly segment: string;
  /** Another part of the path, percent-encoded; empty if there is none. */
  readonly item: string;
  /** Query string including `?`, or empty. */
  readonly search: string;
  /** Negotiated subprotocol; empty for none. */
  readonly protocol: string;
  /** Session of the connection. */
  readonly session: Session;
}

/** Socket that is being served. */
export interface ServedSocket {
  /** Handles a message of the client. @param memory its pool buffer, which the handler returns to the pool */
  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void;
  /** Handles a pong of the client. */
  pong?(payload: Uint8Array): void;
  /** Called when the connection has closed. @param code code of the client's close frame; 1006 if there was none */
  closed(code: number): void;
  /** Answers pending messages, then closes the connection with the error as the reason. */
  end(error: GatewayError): void;
}

/** Returns the pattern of a WebSocket route, for the log. */
export const routeOfKind = (kind: SessionKind): string =>
  kind === "graphql" || kind === "foxglove" ? `/${kind}` : `/data/{stream_id}/${kind}`;

/** Returns the log fields of an error on a socket. */
export const errorContextOf = ({ kind, visitor }: Session): ErrorContext =>
  errorContext(routeOfKind(kind), visitor);

/** RFC 6455, section 5.5: a control frame has at most 125 bytes, two of which are the close code. */
const MAX_REASON_BYTES = 123;

/** Closes a socket because of an error. The reason consists of the error code and message. */
export function closeWith(webSocket: ServerWebSocket, error: GatewayError): void {
  webSocket.close(error.kind.close, cut(`${error.code}: ${error.message}`));
}

/** Truncates text to the size of a close reason, without splitting a character. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_REASON_BYTES) return text;
  let end = MAX_REASON_BYTES;
  // A byte 10xxxxxx continues a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
