/**
 * Bytes of response headers. Proxies and clients refuse responses whose headers are too large: nginx takes 4 KB by
 * default, aiohttp 8,190 bytes a line, Node's fetch 16 KB. What has to stand in a header is therefore counted, and the
 * entries that it describes are left to the next request where it would grow too large.
 */
import type { FastifyReply } from "fastify";
import { badParameter, type GatewayError } from "../../domain/errors.ts";

/**
 * What the framework adds after a route: the status line, `date`, `connection`, `keep-alive`, `content-type`,
 * `content-length` and the empty line; and the names of the headers that are counted by their values alone.
 */
const LATER_BYTES = 320;
/** `: ` and the line end. */
const SEPARATOR_BYTES = 4;

/** Returns the bytes that a response's headers may still grow by. @param mostBytes `MAX_RESPONSE_HEADER_BYTES` */
export function headerRoom(reply: FastifyReply, mostBytes: number): number {
  let room = mostBytes - LATER_BYTES;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value === undefined) continue;
    for (const line of Array.isArray(value) ? value : [value])
      room -= name.length + String(line).length + SEPARATOR_BYTES;
  }
  return room;
}

/** The error for a request whose response cannot be described within the limit, not even with one entry. */
export const headersTooLarge = (streams: number): GatewayError =>
  badParameter(
    "stream_id",
    streams === 1
      ? "is too long for the response headers (MAX_RESPONSE_HEADER_BYTES); add format=msgpack, or follow it over a WebSocket"
      : `names ${streams} streams, whose names and cursors do not fit the response headers (MAX_RESPONSE_HEADER_BYTES); read fewer at once, or follow them over a WebSocket`,
  );
