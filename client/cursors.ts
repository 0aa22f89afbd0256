/**
 * Where a pull stands: one cursor per stream, kept over reconnects. `$`, "from now", is made a concrete id before the
 * first connection and never asked for again: asked again after a lost connection it would mean a later now, and what
 * came in between would be lost (wire.md, "Cursors").
 */
import { parseCursors, type RequestedCursor } from "../src/domain/cursor.ts";
import { GatewayError } from "../src/domain/errors.ts";
import { streamsSegment } from "./address.ts";
import { badMessage, StreamerError } from "./errors.ts";
import { type CommonOptions, type Gateway, namingQuery } from "./gateway.ts";
import { request } from "./request.ts";

/** Cursors by stream, in the order in which the streams were named. */
export type Cursors = Map<string, RequestedCursor>;

/**
 * The cursors that a pull starts from.
 *
 * @param from as in wire.md: one for all streams, or one per stream joined by `+`; or by stream, with `$` for the rest
 * @throws StreamerError BAD_PARAMETER
 */
export function startCursors(
  streams: readonly string[],
  from: string | Readonly<Record<string, string>>,
): Cursors {
  const text = typeof from === "string" ? from : streams.map((stream) => from[stream] ?? "$").join("+");
  const cursors = parse(text, streams.length);
  return new Map(streams.map((stream, index) => [stream, cursors[index] ?? "$"]));
}

/** Streams of one request for their last ids: their cursors return in a header, which has to stay short. */
const RESOLVED_AT_ONCE = 100;

/** The value of `last_entry_id` for these cursors. */
export const cursorsText = (cursors: Cursors): string => [...cursors.values()].join("+");

/** Makes each `$` the id that is last in its stream now, in place. @throws StreamerError */
export async function resolveNow(
  gateway: Gateway,
  cursors: Cursors,
  options: CommonOptions,
  signal: AbortSignal,
): Promise<void> {
  const open = [...cursors].filter(([, cursor]) => cursor === "$").map(([stream]) => stream);
  if (open.length === 0) return;
  const query = { last_entry_id: "$", block: 0, ...namingQuery(options) };
  for (let from = 0; from < open.length; from += RESOLVED_AT_ONCE) {
    const streams = open.slice(from, from + RESOLVED_AT_ONCE);
    const url = gateway.address.http(`data/${streamsSegment(streams)}`, query);
    const { headers } = await request(gateway, url, { signal });
    const found = parseAnswer(headers.get("x-last-entry-id") ?? "", streams.length);
    streams.forEach((stream, index) => {
      cursors.set(stream, found[index] ?? "$");
    });
  }
}

function parseAnswer(text: string, streams: number): readonly RequestedCursor[] {
  const cursors = text.includes("$") ? [] : parse(text, streams);
  if (cursors.length !== streams) throw badMessage(`x-last-entry-id "${text}" for ${streams} streams`);
  return cursors;
}

function parse(text: string, streams: number): readonly RequestedCursor[] {
  try {
    return parseCursors(text, streams);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new StreamerError(error.code, error.message, { retryable: false, cause: error });
  }
}
