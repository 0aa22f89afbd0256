/**
 * Cursors: positions of a reader in a stream, as clients write them in `last_entry_id` (docs/protocol.md).
 * A cursor is exclusive: it is the id of the last entry that the reader received.
 */
import { type EntryId, FIRST_ID, parseId } from "./entry-id.ts";
import { badParameter } from "./errors.ts";

/** A requested cursor: an entry id, or `$` ("from now"), which is resolved once to the stream's last id. */
export type RequestedCursor = EntryId | "$";

/**
 * Parses `last_entry_id`: one value for all streams, or one per stream joined by `+`.
 *
 * @param text the raw value; URL decoding may have turned a plus into a space
 * @param streams number of streams in the request
 * @returns one requested cursor per stream
 * @throws GatewayError BAD_PARAMETER
 */
export function parseCursors(text: string, streams: number): readonly RequestedCursor[] {
  const parts = text.split(/[+ ]/);
  if (parts.length !== 1 && parts.length !== streams) {
    throw badParameter(
      "last_entry_id",
      `must have one value, or one per stream (${streams}), got ${parts.length}`,
    );
  }
  const cursors = parts.map((part) => parseCursor(part));
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
