/** What pushing and pulling sockets have in common: the request they came with, and how they end. */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { GatewayError } from "../../domain/errors.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Tally } from "../../domain/tally.ts";
import type { Presence } from "../../live/presence.ts";
import type { Subscribe } from "../../live/subscription.ts";
import type { Log } from "../../redis/log.ts";
import type { TurnEnd } from "../byte-sink.ts";
import type { Query } from "../query.ts";
import type { RequestLimits } from "../read-request.ts";
import type { PullEncoders } from "./pull-encoder.ts";
import type { PushGate } from "./push-gate.ts";

/** An accepted WebSocket and what was asked for. */
export interface WebSocketRequest {
  readonly webSocket: WebSocket;
  /** The socket below it, which whole frames are written to. */
  readonly socket: Socket;
  /** The stream ids of the path, percent-encoded. */
  readonly segment: string;
  readonly query: Query;
}

/** What serving a WebSocket takes. */
export interface WebSocketParts {
  readonly log: Log;
  readonly subscribe: Subscribe;
  readonly limits: RequestLimits & { readonly sendHighWaterBytes: number };
  readonly presence: Presence;
  /** `DEVICE_PRESENCE`: whether every pushing device counts as there, or those that ask. */
  readonly devicePresence: "asked" | "auto";
  readonly pushGate: PushGate;
  readonly pullEncoders: PullEncoders;
  readonly turnEnd: TurnEnd;
  readonly tally: Tally;
  readonly logger: Logger;
}

/** A socket that is being served. */
export interface ServedSocket {
  /** Ends it in order: what is in flight is answered first. */
  shutDown(): void;
}

/** RFC 6455, section 5.5: a control frame carries 125 bytes, two of which are the code. */
const MOST_REASON_BYTES = 123;

/** Closes a socket with what an error means for it: its close code, and its code and sentence as the reason. */
export function closeWith(webSocket: WebSocket, error: GatewayError): void {
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
