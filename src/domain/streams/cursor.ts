/**
 * Cursors: positions of a reader in a stream, as clients write them in `last_entry_id` (docs/protocol.md).
 * A cursor is exclusive: it is the id of the last entry that the reader received.
 */

import { badParameter } from "../errors.ts";
import { shown } from "../shown.ts";
import { compareIds, type EntryId, FIRST_ID, idAfter, idBefore, LAST_ID, parseId } from "./entry-id.ts";

/** A requested cursor: an entry id, or `$` ("from now"), which is resolved once to the stream's last id. */
export type RequestedCursor = EntryId | "$";

/** The last entry of a stream that a reader was sent. */
export interface StreamPosition {
  readonly key: string;
  readonly cursor: EntryId;
}

/**
 * Parses `last_entry_id`: one value for all streams, or one per stream joined by `+`.
 *
 * @param text the raw value; URL decoding may have turned a plus into a space
 * @param streams number of streams in the request
 * @param parameter its name in errors
 * @returns one requested cursor per stream
 * @throws GatewayError BAD_PARAMETER
 */
export function parseCursors(
  text: string,
  streams: number,
  parameter = "last_entry_id",
): readonly RequestedCursor[] {
  const parts = text.split(/[+ ]/);
  if (parts.length !== 1 && parts.length !== streams) {
    throw badParameter(parameter, `must have one value, or one per stream (${streams}), got ${parts.length}`);
  }
  const cursors = parts.map((part) => parseCursor(part, parameter));
  const [only] = cursors;
  return cursors.length === 1 && only !== undefined ? Array.from({ length: streams }, () => only) : cursors;
}

/**
 * Parses one cursor: a full id, bare milliseconds, `0` or `-` for the beginning, `$` for now.
 *
 * @param name the parameter name in the error message
 * @throws GatewayError BAD_PARAMETER
 */
export function parseCursor(text: string, name = "last_entry_id"): RequestedCursor {
  if (text === "$") return "$";
  if (text === "-") return FIRST_ID;
  const id = parseId(text);
  if (id === undefined) {
    throw badParameter(name, `must be an entry id, milliseconds, 0, - or $, got "${text.slice(0, 40)}"`);
  }
  return id;
}

/** Parses the bounds of a range. @throws GatewayError BAD_PARAMETER */
export function parseRange(
  startText: string,
  endText: string,
): { readonly start: EntryId; readonly end: EntryId } {
  const start = parseBound("start", startText);
  const end = parseBound("end", endText);
  if (compareIds(start, end) <= 0) return { start, end };
  throw badParameter("end", `must not be before start, got ${end} and ${start}`);
}

/**
 * Parses a bound of a range: `-` or `+` for the ends of the stream, an entry id, milliseconds, or an ISO 8601 time.
 * A time covers all entries of its millisecond. A leading `(` makes the bound exclusive: it excludes that entry, or all
 * entries of that millisecond, so consecutive time ranges do not overlap.
 *
 * @throws GatewayError BAD_PARAMETER
 */
export function parseBound(name: "start" | "end", text: string): EntryId {
  const isExclusive = text.startsWith("(");
  const isStart = name === "start";
  const id = idOfBound(isExclusive ? text.slice(1) : text, isStart === isExclusive ? "greatest" : "least");
  const bound = !isExclusive ? id : id && (isStart ? idAfter(id) : idBefore(id));
  if (bound !== undefined) return bound;
  if (id !== undefined) throw badParameter(name, `must not exclude all entries, got ${text}`);
  throw badParameter(
    name,
    `must be an entry id, milliseconds, an ISO 8601 time, - or +, got "${text.slice(0, 60)}"`,
  );
}

/**
 * Parses a time: an entry id, milliseconds, or an ISO 8601 time.
 *
 * @param sequence which id of the millisecond to return, because a time covers all of its entries
 * @throws GatewayError BAD_PARAMETER
 */
export function parseTime(name: string, text: string, sequence: "least" | "greatest" = "greatest"): EntryId {
  const id = text === "-" || text === "+" || text === " " ? undefined : idOfBound(text, sequence);
  if (id !== undefined) return id;
  throw badParameter(name, `must be an entry id, milliseconds or an ISO 8601 time, got ${shown(text)}`);
}

function idOfBound(text: string, missingSequence: "least" | "greatest"): EntryId | undefined {
  if (text === "-") return FIRST_ID;
  // A bare plus in a query string arrives as a space.
  if (text === "+" || text === " ") return LAST_ID;
  const ms = millisecondsOf(text);
  return parseId(ms === undefined ? text : String(ms), missingSequence);
}

const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+ -]\d\d:?\d\d)?)?$/i;

/** Milliseconds of an ISO 8601 time, or undefined if the text is not one. A time without a zone is UTC. */
function millisecondsOf(text: string): number | undefined {
  const [, date, time = "00:00", zone = "Z"] = ISO_TIME.exec(text) ?? [];
  if (date === undefined) return undefined;
  const ms = Date.parse(`${date}T${time}${zone.replace(" ", "+").replace(/(\d\d)(\d\d)$/, "$1:$2")}`);
  return ms >= 0 ? ms : undefined;
}
