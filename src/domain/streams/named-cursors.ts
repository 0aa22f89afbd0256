/**
 * Cursors of a request with patterns. Its streams change, so a cursor may have the name of its stream:
 * `cam-1=5-0+cam-2=7-0+0` continues two streams, and reads all others from the beginning. Names are percent-encoded.
 */

import { badParameter } from "../errors.ts";
import { parseCursor, type RequestedCursor } from "./cursor.ts";
import { type EntryId, FIRST_ID } from "./entry-id.ts";

/** Cursors of a request. */
export interface NamedCursors {
  /** Returns the cursor of a stream. @param position index of the stream id of the request that selects it */
  of(name: string, position: number): RequestedCursor;
}

/**
 * Parses `last_entry_id`: cursors with names; and one for all other streams, or one per stream id, or none for the beginning.
 *
 * @param text the raw value; URL decoding may have turned a plus into a space
 * @param ids number of stream ids in the request
 * @param parameter its name in errors
 * @throws GatewayError BAD_PARAMETER
 */
export function parseNamedCursors(text: string, ids: number, parameter = "last_entry_id"): NamedCursors {
  const named = new Map<string, RequestedCursor>();
  const others: RequestedCursor[] = [];
  for (const part of text.split(/[+ ]/)) {
    const equals = part.indexOf("=");
    if (equals < 0) others.push(parseCursor(part, parameter));
    else
      named.set(decodeName(part.slice(0, equals), parameter), parseCursor(part.slice(equals + 1), parameter));
  }
  if (others.length > 1 && others.length !== ids)
    throw badParameter(
      parameter,
      `must have at most one value without a name, or one per stream id (${ids}), got ${others.length}`,
    );
  const [first = FIRST_ID] = others;
  return {
    of: (name, position) => named.get(name) ?? (others.length > 1 ? (others[position] ?? first) : first),
  };
}

/** Formats cursors so that a request with them misses nothing. @param others cursor of the streams without a name */
export function formatNamedCursors(
  cursors: Iterable<readonly [name: string, cursor: EntryId]>,
  others: EntryId | "0" = "0",
): string {
  let text = "";
  for (const [name, cursor] of cursors) text += `${encodeURIComponent(name)}=${cursor}+`;
  return `${text}${others}`;
}

function decodeName(text: string, parameter: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badParameter(parameter, `must have percent-encoded names, got "${text.slice(0, 40)}"`);
  }
}
