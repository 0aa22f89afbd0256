/**
 * Size limit of response headers. Proxies and clients reject large headers: nginx accepts 4 KB by default, aiohttp 8,190
 * bytes a line, Node's fetch 16 KB. A response whose headers would exceed the limit contains fewer entries; the client
 * reads the others with its next request.
 */
import type { FastifyReply } from "fastify";
import { badParameter, type GatewayError } from "../../../domain/errors.ts";

/**
 * Bytes added after the route: the status line, `date`, `connection`, `keep-alive`, `content-type`, `content-length`, the
 * empty line, and the names of the headers whose values are counted elsewhere.
 */
const LATER_BYTES = 320;
/** `: ` and the line end. */
const SEPARATOR_BYTES = 4;

/** Returns the bytes left for response headers. @param maxBytes `MAX_RESPONSE_HEADER_BYTES` */
export function headerRoom(reply: FastifyReply, maxBytes: number): number {
  let room = maxBytes - LATER_BYTES;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value === undefined) continue;
    for (const line of Array.isArray(value) ? value : [value])
      room -= name.length + String(line).length + SEPARATOR_BYTES;
  }
  return room;
}

/** Returns the error of a request whose response headers exceed the limit even with a single entry. */
export const headersTooLarge = (streams: number): GatewayError =>
  badParameter(
    "stream_id",
    streams === 1
      ? "is too long for the response headers (MAX_RESPONSE_HEADER_BYTES); add format=msgpack or use a WebSocket"
      : `names ${streams} streams, whose names and cursors exceed the limit of response headers (MAX_RESPONSE_HEADER_BYTES); read fewer streams per request or use a WebSocket`,
  );
