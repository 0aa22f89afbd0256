/** What the HTTP routes work with. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Visitor } from "../../access/admission.ts";
import type { ClientMemory } from "../../access/limits/client-memory.ts";
import type { Limits } from "../../access/limits/limits.ts";
import type { Sessions } from "../../access/sessions.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Subscribe } from "../../live/subscription.ts";
import type { Counters } from "../../observe/counters.ts";
import type { StreamClasses } from "../../observe/stream-classes.ts";
import type { Availability } from "../../redis/availability.ts";
import type { PolledReads } from "../../redis/read/poll-cache.ts";
import type { Log } from "../../redis/read/stream-reader.ts";
import type { ParameterRoute, ParametersOf } from "../request/parameters.ts";
import { type ParameterLimits, readParameters } from "../request/query.ts";
import type { RequestLimits } from "../request/streams.ts";
import type { Warnings } from "../request/warnings.ts";
import type { TurnEnd } from "../response/byte-sink.ts";
import type { Closing } from "../response/closing.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who sent it. */
    visitor: Visitor;
  }
  interface FastifyContextConfig {
    isPublic?: true;
  }
}

/** The options of a route that is served to whoever asks, without a key. */
export const PUBLIC = { config: { isPublic: true } } as const;

/** The options of a page, and of what is asked whether it is there: browsers' tools and uptime checks like to ask by HEAD. */
export const ALSO_HEAD = { exposeHeadRoute: true } as const;

/** When a client that was answered 503 may try again, in s. */
export const RETRY_AFTER_SECONDS = 1;

/** What the routes are handed. */
export interface RouteParts {
  readonly log: Log;
  readonly polled: PolledReads;
  readonly subscribe: Subscribe;
  readonly availability: Availability;
  /** Resolves when Redis answers and takes writes. @throws GatewayError */
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
  /** The path that the gateway stands behind; before every address that a client is told. */
  readonly pathPrefix: string;
  /** When the gateway stops, whatever waits is to answer now. */
  readonly closing: Closing;
}

/** Path and parameters of a request to a data route. */
export interface RequestTarget<R extends ParameterRoute> {
  /** The stream ids of `/data/{stream_id}…`, percent-encoded. */
  readonly segment: string;
  readonly parameters: ParametersOf<R>;
}

/**
 * Parses the URL of a request to a data route. The framework's own decoding would lose the difference between `+` and `%2B`.
 *
 * @throws GatewayError BAD_PARAMETER
 */
export function targetOf<R extends ParameterRoute>(
  request: FastifyRequest,
  route: R,
  limits: ParameterLimits,
): RequestTarget<R> {
  // Proxies send the whole address (RFC 9112, section 3.2.2).
  const url = (request.raw.url ?? "/").replace(/^https?:\/\/[^/?]+/i, "");
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  return {
    segment: path.split("/")[2] ?? "",
    parameters: readParameters(route, at < 0 ? "" : url.slice(at), limits),
  };
}

/**
 * Lets an answer that is about to be sent leave at the end of this turn of the event loop, with the others of the turn.
 * One write right after the other finds the other side awake; waking it up for each costs more than the answer.
 */
export function leaveTogether({ raw }: FastifyReply, turnEnd: TurnEnd): void {
  const { socket } = raw;
  if (socket === null) return;
  socket.cork();
  turnEnd.add(() => socket.uncork());
}
