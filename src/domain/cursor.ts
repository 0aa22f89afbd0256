/**
 * Cursors: where a reader stands in a stream, as clients write it in `last_entry_id` (wire.md, "Cursors").
 * A cursor is exclusive: it is the id of the last entry seen.
 */
import { type EntryId, FIRST_ID, parseId } from "./entry-id.ts";
import { badParameter } from "./errors.ts";

/** A cursor as it was asked for: a place, or `$`, "from now", which is resolved once to the stream's last id. */
export type RequestedCursor = EntryId | "$";

/**
 * Parses `last_entry_id`: one value for all streams, or one per stream joined by `+`.
 *
 * @param text as it came; a plus may have arrived as a space
 * @param streams how many streams the request names
 * @returns one wanted cursor per stream
 * @throws GatewayError BAD_PARAMETER
 */
export function parseCursors(text: string, streams: number): readonly RequestedCursor[] {
  const parts = text.split(/[+ ]/);
  if (parts.length !== 1 && parts.length !== streams) {
    throw badParameter(
      "last_entry_id",
      `has ${parts.length} values for ${streams} ${plural("stream", streams)}`,
    );
  }
  const cursors = parts.map((part) => parseCursor(part));
  const [only] = cursors;
  return cursors.length === 1 && only !== undefined ? Array.from({ length: streams }, () => only) : cursors;
}

/**
 * Parses one cursor: a full id, bare milliseconds, `0` or `-` for the beginning, `$` for now.
 *
 * @param name how the client calls it
 * @throws GatewayError BAD_PARAMETER
 */
export function parseCursor(text: string, name = "last_entry_id"): RequestedCursor {
  if (text === "$") return "$";
  if (text === "-") return FIRST_ID;
  const id = parseId(text);
  if (id === undefined) {
    throw badParameter(name, `is no entry id, milliseconds, 0, - or $: "${text.slice(0, 60)}"`);
  }
  return id;
}

const plural = (noun: string, count: number) => (count === 1 ? noun : `${noun}s`);
