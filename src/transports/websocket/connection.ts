/** Types and functions shared by pushing, pulling and GraphQL sockets. */
import type { Socket } from "node:net";
import type { ClientMemory } from "../../access/limits/client-memory.ts";
import type { Limits } from "../../access/limits/limits.ts";
import type { Session, Sessions } from "../../access/sessions.ts";
import type { Presence } from "../../devices/presence.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Subscribe } from "../../live/subscription.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Append } from "../../redis/append/appender.ts";
import type { Availability } from "../../redis/availability.ts";
import type { StreamReader } from "../../redis/read/stream-reader.ts";
import type { RequestLimits } from "../request/streams.ts";
import type { Warnings } from "../request/warnings.ts";
import type { TurnEnd } from "../response/byte-sink.ts";
import type { ErrorContext, ErrorLog } from "../response/error-log.ts";
import type { PushGate } from "./backpressure.ts";
import type { PayloadPool } from "./protocol/buffer-pool.ts";
import type { ServerWebSocket } from "./protocol/socket.ts";
import type { PullEncoders } from "./pull-encoder.ts";

/** Accepted WebSocket and its request. */
export interface WebSocketRequest {
  readonly webSocket: ServerWebSocket;
  /** Underlying TCP socket, to which complete frames are written. */
  readonly socket: Socket;
  /** Stream ids of the path, percent-encoded. */
  readonly segment: string;
  /** Query string including `?`, or empty. */
  readonly search: string;
  /** Session of the connection. */
  readonly session: Session;
}

/** Parts that serving a WebSocket uses. */
export interface WebSocketParts {
  readonly streamReader: StreamReader;
  readonly append: Append;
  readonly subscribe: Subscribe;
  readonly availability: Availability;
  readonly limits: RequestLimits & { readonly sendHighWaterBytes: number };
  readonly presence: Presence;
  /** `DEVICE_PRESENCE`: whether every pushing device counts as connected, or only on request. cspell:ignore asked */
  readonly devicePresence: "asked" | "auto";
  readonly pushGate: PushGate;
  readonly payloadPool: PayloadPool;
  readonly pullEncoders: PullEncoders;
  readonly turnEnd: TurnEnd;
  readonly warnings: Warnings;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly sessions: Sessions;
  readonly errorLog: ErrorLog;
  readonly limiting: Limits;
  readonly memory: ClientMemory;
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

/** Returns the log fields of an error on a socket. */
export const errorContextOf = ({ kind, visitor }: Session): ErrorContext => ({
  route: `/data/{stream_id}/${kind}`,
  connection: visitor.id,
  address: visitor.address,
  identity: visitor.identity.name,
});

/** RFC 6455, section 5.5: a control frame has at most 125 bytes, two of which are the close code. */
const MOST_REASON_BYTES = 123;

/** Closes a socket because of an error. The reason consists of the error code and message. */
export function closeWith(webSocket: ServerWebSocket, error: GatewayError): void {
  webSocket.close(error.kind.close, cut(`${error.code}: ${error.message}`));
}

/** Truncates text to the size of a close reason, without splitting a character. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST_REASON_BYTES) return text;
  let end = MOST_REASON_BYTES;
  // A byte 10xxxxxx continues a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
