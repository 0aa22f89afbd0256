/**
 * Position of a pull: one cursor per stream, kept over reconnects. A `$` cursor ("only new entries") is resolved to an
 * entry id before the first connection. If `$` were sent again after a reconnect, entries added while the client was
 * disconnected would be lost (docs/protocol.md, "Cursors").
 */

import { GatewayError } from "../../src/domain/errors.ts";
import { parseCursors, type RequestedCursor } from "../../src/domain/streams/cursor.ts";
import type { EntryId } from "../../src/domain/streams/entry-id.ts";
import { badMessage, finalError } from "../errors.ts";
import { pathSegment } from "../gateway/address.ts";
import { type CommonOptions, type Gateway, namingQuery } from "../gateway/gateway.ts";
import { request } from "../gateway/request.ts";

/** Cursors by stream name, in the order of the request. */
export type Cursors = Map<string, RequestedCursor>;

/** Position of a pull, kept over reconnects. */
export interface Position {
  /** The names of the request. */
  readonly streams: readonly string[];
  /** The cursors, as `last_entry_id`. */
  readonly text: string;
  /** Replaces `$` by ids, if the gateway does not do it. @throws StreamerError */
  resolve(signal: AbortSignal): Promise<void>;
  /** Whether the pull includes a stream. */
  has(stream: string): boolean;
  /** Moves the cursor of a stream behind an entry. */
  advance(stream: string, id: string): void;
}

/** Creates the position of a pull of named streams. @param from see `startCursors` @throws StreamerError BAD_PARAMETER */
export function namedPosition(
  gateway: Gateway,
  streams: readonly string[],
  from: string | Readonly<Record<string, string>>,
  options: CommonOptions,
): Position {
  const cursors = startCursors(streams, from);
  return {
    streams,
    get text() {
      return cursorsText(cursors);
    },
    resolve: (signal) => resolveNow(gateway, cursors, options, signal),
    has: (stream) => cursors.has(stream),
    advance: (stream, id) => cursors.set(stream, id as EntryId),
  };
}

/**
 * Returns the cursors at which a pull starts.
 *
 * @param from one cursor for all streams; one per stream, joined by `+`; or an object by stream name, where streams
 * that it does not name start at `$`
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

/**
 * Maximum number of streams in one request that resolves `$`: the ids are returned in a response header, whose length is
 * limited.
 */
const RESOLVE_BATCH = 100;

/** Formats cursors for the `last_entry_id` parameter. */
export const cursorsText = (cursors: Cursors): string => [...cursors.values()].join("+");

/** Replaces each `$` by the current last id of its stream, in place. @throws StreamerError */
async function resolveNow(
  gateway: Gateway,
  cursors: Cursors,
  options: CommonOptions,
  signal: AbortSignal,
): Promise<void> {
  const open = [...cursors].filter(([, cursor]) => cursor === "$").map(([stream]) => stream);
  if (open.length === 0) return;
  const query = { last_entry_id: "$", block: 0, pattern: false, ...namingQuery(options) };
  for (let from = 0; from < open.length; from += RESOLVE_BATCH) {
    const streams = open.slice(from, from + RESOLVE_BATCH);
    const url = gateway.address.http(`data/${pathSegment(streams)}`, query);
    const { headers } = await request(gateway, url, { signal });
    const found = parseResponse(headers.get("x-last-entry-id") ?? "", streams.length);
    streams.forEach((stream, index) => {
      cursors.set(stream, found[index] ?? "$");
    });
  }
}

function parseResponse(text: string, streams: number): readonly RequestedCursor[] {
  const cursors = text.includes("$") ? [] : parse(text, streams);
  if (cursors.length !== streams) throw badMessage(`x-last-entry-id "${text}" for ${streams} streams`);
  return cursors;
}

function parse(text: string, streams: number): readonly RequestedCursor[] {
  try {
    return parseCursors(text, streams);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw finalError(error.code, error.message, error);
  }
}
