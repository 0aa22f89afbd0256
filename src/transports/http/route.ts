/** Dependencies and helpers of the HTTP routes. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Visitor } from "../../access/admission.ts";
import type { ClientMemory } from "../../access/limits/client-memory.ts";
import type { Limits } from "../../access/limits/limits.ts";
import type { Sessions } from "../../access/sessions.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Subscribe } from "../../live/subscription.ts";
import type { Counters } from "../../observe/counters.ts";
import type { StreamClasses } from "../../observe/stream-classes.ts";
import type { Append } from "../../redis/append/appender.ts";
import type { Availability } from "../../redis/availability.ts";
import type { PolledReads } from "../../redis/read/poll-cache.ts";
import type { StreamReader } from "../../redis/read/stream-reader.ts";
import type { ParameterRoute, ParametersOf } from "../request/parameters.ts";
import { type ParameterLimits, readParameters } from "../request/query.ts";
import type { RequestLimits } from "../request/streams.ts";
import type { Warnings } from "../request/warnings.ts";
import type { TurnEnd } from "../response/byte-sink.ts";
import type { Closing } from "../response/closing.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Identity, address and connection id of the client. */
    visitor: Visitor;
  }
  interface FastifyContextConfig {
    isPublic?: true;
  }
}

/** Options of a route that requires no authentication. */
export const PUBLIC = { config: { isPublic: true } } as const;

/** Options of a route that also handles HEAD, which browser tools and uptime checks use. */
export const ALSO_HEAD = { exposeHeadRoute: true } as const;

/** Default `Retry-After`, in s. */
export const RETRY_AFTER_SECONDS = 1;

/** Dependencies of the routes. */
export interface RouteParts {
  readonly streamReader: StreamReader;
  readonly append: Append;
  readonly polled: PolledReads;
  readonly subscribe: Subscribe;
  readonly availability: Availability;
  /** Resolves if Redis answers and accepts writes. @throws GatewayError */
  readonly isReady: () => Promise<void>;
  readonly limits: RequestLimits & {
    readonly sendHighWaterBytes: number;
    readonly heartbeatMs: number;
    readonly maxResponseHeaderBytes: number;
  };
  readonly turnEnd: TurnEnd;
  readonly memory: ClientMemory;
  readonly warnings: Warnings;
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  readonly logger: Logger;
  readonly sessions: Sessions;
  readonly limiting: Limits;
  /** Path prefix behind a proxy; precedes every URL in a response. */
  readonly pathPrefix: string;
  /** Signals shutdown: waiting requests must respond immediately. */
  readonly closing: Closing;
}

/** Path and parameters of a request to a data route. */
export interface RequestTarget<R extends ParameterRoute> {
  /** The stream ids of `/data/{stream_id}…`, percent-encoded. */
  readonly segment: string;
  readonly parameters: ParametersOf<R>;
}

/**
 * Parses the URL of a request to a data route. Fastify's own decoding does not distinguish `+` from `%2B`.
 *
 * @throws GatewayError BAD_PARAMETER
 */
export function targetOf<R extends ParameterRoute>(
  request: FastifyRequest,
  route: R,
  limits: ParameterLimits,
): RequestTarget<R> {
  // Proxies send the absolute form of the URL (RFC 9112, section 3.2.2).
  const url = (request.raw.url ?? "/").replace(/^https?:\/\/[^/?]+/i, "");
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  return {
    segment: path.split("/")[2] ?? "",
    parameters: readParameters(route, at < 0 ? "" : url.slice(at), limits),
  };
}

/**
 * Delays the write of a response to the end of this event-loop turn, together with the other responses of the turn.
 * Consecutive writes wake a client process once; waking it for each response costs more than the response itself.
 */
export function sendAtTurnEnd({ raw }: FastifyReply, turnEnd: TurnEnd): void {
  const { socket } = raw;
  if (socket === null) return;
  socket.cork();
  turnEnd.add(() => socket.uncork());
}
