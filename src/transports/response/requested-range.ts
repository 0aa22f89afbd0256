/** Conditional and range requests for a body with an entity tag (RFC 9110, sections 13 and 14). */
import type { FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../../domain/errors.ts";
import { type ByteRange, matchesEtag, parseRange } from "./byte-range.ts";

/**
 * Returns the range that a request selects, and gives the reply its status and `Content-Range`.
 *
 * @param length size of the body
 * @returns `"not modified"` if the client has the body; undefined for the whole body
 * @throws GatewayError RANGE_NOT_SATISFIABLE
 */
export function requestedRange(
  { headers, method }: FastifyRequest,
  reply: FastifyReply,
  etag: string,
  length: number,
): ByteRange | "not modified" | undefined {
  if (matchesEtag(headers["if-none-match"], etag)) {
    reply.code(304);
    return "not modified";
  }
  // A range is defined for GET only (RFC 9110, section 14.2).
  const isRanged = method === "GET" && (headers["if-range"] === undefined || headers["if-range"] === etag);
  const range = isRanged ? parseRange(headers.range, length) : undefined;
  if (range === "unsatisfiable") {
    reply.header("content-range", `bytes */${length}`);
    throw new GatewayError(
      "RANGE_NOT_SATISFIABLE",
      `Range must begin before the end of the ${length} bytes, got ${JSON.stringify(headers.range)}`,
    );
  }
  if (range !== undefined)
    reply.code(206).header("content-range", `bytes ${range.first}-${range.last}/${length}`);
  return range;
}
