/** Dependencies and helpers of the HTTP routes. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Visitor } from "../../access/admission.ts";
import type { TransportConfig, TransportParts } from "../parts.ts";
import type { ParameterRoute, ParametersOf } from "../request/parameters/parameters.ts";
import { type ParameterLimits, readParameters } from "../request/query.ts";
import type { TurnEnd } from "../response/byte-sink.ts";

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

/** Maximum length of a path segment. A segment may contain many stream ids. */
export const MAX_SEGMENT_LENGTH = 64 * 1024;

/** Settings of the HTTP transport. */
export interface HttpConfig extends TransportConfig {
  /** Maximum size of a request's head, in bytes. */
  readonly maxHeaderBytes: number;
  /** Maximum size of the response headers of a read, in bytes. */
  readonly maxResponseHeaderBytes: number;
  /** Approximate maximum of payloads in one response, in bytes. */
  readonly maxAnswerBytes: number;
}

/** Dependencies of the routes. */
export interface RouteParts extends TransportParts {
  readonly config: HttpConfig;
}

/** Adds the routes of a transport to the server. */
export type AddRoutes = (app: FastifyInstance) => void | Promise<void>;

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
  config: ParameterLimits,
): RequestTarget<R> {
  const url = request.raw.url ?? "/";
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  return {
    segment: path.split("/")[2] ?? "",
    parameters: readParameters(route, at < 0 ? "" : url.slice(at), config),
  };
}

/**
 * Delays the write of a response to the end of this event-loop turn, together with the other responses of the turn.
 * Consecutive writes wake a client process once; waking it for each response costs more than the response itself.
 */
export function sendAtTurnEnd({ socket }: ServerResponse, turnEnd: TurnEnd): void {
  if (socket === null) return;
  socket.cork();
  turnEnd.add(() => socket.uncork());
}
