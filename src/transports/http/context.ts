/** What the HTTP routes work with. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../../domain/logger.ts";
import type { Tally } from "../../domain/tally.ts";
import type { Subscribe } from "../../live/subscription.ts";
import type { Log } from "../../redis/log.ts";
import type { TurnEnd } from "../byte-sink.ts";
import { type Query, readQuery } from "../query.ts";
import type { RequestLimits } from "../read-request.ts";

/** What the routes are handed. */
export interface RouteParts {
  readonly log: Log;
  readonly subscribe: Subscribe;
  readonly limits: RequestLimits & { readonly sendHighWaterBytes: number; readonly heartbeatMs: number };
  readonly turnEnd: TurnEnd;
  readonly tally: Tally;
  readonly logger: Logger;
  /** Aborted when the gateway stops: whatever waits is to answer now. */
  readonly closing: AbortSignal;
}

/** The address of a request, taken apart. */
export interface RequestTarget {
  /** The stream ids of `/data/{stream_id}…`, percent-encoded. */
  readonly segment: string;
  readonly query: Query;
}

/** Takes the address apart; the framework's own decoding would lose what a plus means where. */
export function targetOf(request: FastifyRequest): RequestTarget {
  // Proxies send the whole address (RFC 9112, section 3.2.2).
  const url = (request.raw.url ?? "/").replace(/^https?:\/\/[^/?]+/i, "");
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  return { segment: path.split("/")[2] ?? "", query: readQuery(at < 0 ? "" : url.slice(at)) };
}

/** Aborted when the client is gone or the gateway stops. */
export function goneSignal(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const abort = () => gone.abort();
  if (closing.aborted) abort();
  closing.addEventListener("abort", abort);
  reply.raw.once("close", () => {
    closing.removeEventListener("abort", abort);
    abort();
  });
  return gone.signal;
}
