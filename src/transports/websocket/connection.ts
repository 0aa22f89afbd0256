/** What pushing and pulling sockets have in common: the request they came with, and how they end. */
import type { Socket } from "node:net";
import type { ClientMemory } from "../../access/limits/client-memory.ts";
import type { Limits } from "../../access/limits/limits.ts";
import type { Session, Sessions } from "../../access/sessions.ts";
import type { Presence } from "../../devices/presence.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Subscribe } from "../../live/subscription.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Availability } from "../../redis/availability.ts";
import type { Log } from "../../redis/read/stream-reader.ts";
import type { RequestLimits } from "../request/streams.ts";
import type { Warnings } from "../request/warnings.ts";
import type { TurnEnd } from "../response/byte-sink.ts";
import type { Refusals, RefusedAt } from "../response/error-log.ts";
import type { PushGate } from "./backpressure.ts";
import type { PayloadPool } from "./protocol/buffer-pool.ts";
import type { ServerWebSocket } from "./protocol/socket.ts";
import type { PullEncoders } from "./pull-encoder.ts";

/** An accepted WebSocket and what was asked for. */
export interface WebSocketRequest {
  readonly webSocket: ServerWebSocket;
  /** The socket below it, which whole frames are written to. */
  readonly socket: Socket;
  /** The stream ids of the path, percent-encoded. */
  readonly segment: string;
  /** The query string with its `?`, or empty. */
  readonly search: string;
  /** Who it belongs to. */
  readonly session: Session;
}

/** What serving a WebSocket takes. */
export interface WebSocketParts {
  readonly log: Log;
  readonly subscribe: Subscribe;
  readonly availability: Availability;
  readonly limits: RequestLimits & { readonly sendHighWaterBytes: number };
  readonly presence: Presence;
  /** `DEVICE_PRESENCE`: whether every pushing device counts as there, or those that ask. */
  readonly devicePresence: "asked" | "auto";
  readonly pushGate: PushGate;
  readonly payloadPool: PayloadPool;
  readonly pullEncoders: PullEncoders;
  readonly turnEnd: TurnEnd;
  readonly warnings: Warnings;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly sessions: Sessions;
  readonly refusals: Refusals;
  readonly limiting: Limits;
  readonly memory: ClientMemory;
}

/** A socket that is being served. */
export interface ServedSocket {
  /** A message of the client. @param memory where it is in memory of the pool, which is to be given back */
  message(bytes: Buffer, isBinary: boolean, memory: Buffer | undefined): void;
  /** An answer to a ping. */
  pong?(payload: Uint8Array): void;
  /** The connection is gone. @param code of the client's close frame; 1006 where there was none */
  closed(code: number): void;
  /** Ends it in order: what is in flight is answered first, then the client is told why. */
  end(error: GatewayError): void;
}

/** How a refusal on a socket is noted. */
export const refusedAt = ({ kind, visitor }: Session): RefusedAt => ({
  door: `/data/{stream_id}/${kind}`,
  connection: visitor.id,
  address: visitor.address,
  identity: visitor.identity.name,
});

/** RFC 6455, section 5.5: a control frame carries 125 bytes, two of which are the code. */
const MOST_REASON_BYTES = 123;

/** Closes a socket with what an error means for it: its close code, and its code and sentence as the reason. */
export function closeWith(webSocket: ServerWebSocket, error: GatewayError): void {
  webSocket.close(error.kind.close, cut(`${error.code}: ${error.message}`));
}

/** Cuts text to what fits a close frame, between two characters. */
function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MOST_REASON_BYTES) return text;
  let end = MOST_REASON_BYTES;
  // A byte 10xxxxxx continues a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
