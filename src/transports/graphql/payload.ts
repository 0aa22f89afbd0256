/** The forms in which a payload is shown. What cannot be shown in a form is an error of that one field. */
import { isUtf8 } from "node:buffer";

import { utcFormat } from "d3-time-format";
import { type EntryId, timeOfId } from "../../domain/entry-id.ts";
import { badParameter, GatewayError } from "../../domain/errors.ts";

/** Milliseconds from 1970 to the last moment that a Date can be (ECMA-262, "Time Values and Time Range"). */
const LAST_MOMENT_MS = 8.64e15;

/** The payload in base64. Node's own encoder: the pure one of the wire is for browsers. */
export const base64Of = (data: Uint8Array): string => bufferOf(data).toString("base64");

const bufferOf = (data: Uint8Array): Buffer =>
  Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** The payload as text. @throws GatewayError BAD_PAYLOAD where it is not UTF-8 */
export function stringOf(data: Uint8Array): string {
  if (!isUtf8(data)) throw new GatewayError("BAD_PAYLOAD", "the payload is not UTF-8");
  return bufferOf(data).toString();
}

/** The payload as a JSON value. @throws GatewayError BAD_PAYLOAD where it is none */
export function jsonOf(data: Uint8Array): unknown {
  try {
    return JSON.parse(stringOf(data));
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError("BAD_PAYLOAD", "the payload is no JSON");
  }
}

/** Metadata as it is stored. @throws GatewayError BAD_PAYLOAD where another program stored what is no JSON */
export const metaOf = (stored: Uint8Array | undefined): unknown =>
  stored === undefined ? {} : jsonOf(stored);

/**
 * The moment that an entry id names: ISO 8601 with a zone, or in a format of strftime(3).
 *
 * @throws GatewayError BAD_PARAMETER where no calendar goes so far
 */
export function timeText(id: EntryId, format: string | null | undefined): string {
  const ms = timeOfId(id);
  if (ms > LAST_MOMENT_MS) throw badParameter("time", `of entry ${id} is past the end of the calendar`);
  const moment = new Date(ms);
  return format ? utcFormat(format.replaceAll("%z", "+0000"))(moment) : moment.toISOString();
}
