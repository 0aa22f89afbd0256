/** Pushed entries as decoded from every format, and the checks that the formats share. */

import { GatewayError } from "../domain/errors.ts";
import type { EntryFields, RequestedId } from "../domain/streams/entry.ts";
import { compareIds, FIRST_ID, parseId } from "../domain/streams/entry-id.ts";

/** One pushed entry, with the stream name that the client uses. */
export interface PushedEntry {
  readonly stream: string;
  readonly id: RequestedId;
  readonly data: Uint8Array;
  readonly fields?: EntryFields;
}

/** Creates the error for a malformed batch. */
export const malformed = (problem: string): GatewayError => new GatewayError("BAD_HEADER", problem);

/**
 * Reads the entry id of a pushed entry: `null`, `""` and `"*"` let Redis assign it, an integer means milliseconds, text is
 * an id, bare milliseconds or `<ms>-*`.
 *
 * @throws GatewayError BAD_HEADER
 */
export function requestedIdOf(value: unknown): RequestedId {
  if (value === null || value === undefined || value === "" || value === "*") return "*";
  if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) {
    if (value > 0) return requestedIdOf(String(value));
  } else if (typeof value === "string") {
    const bareMs = /^(\d+)-\*$/.exec(value)?.[1];
    if (bareMs !== undefined && parseId(bareMs) !== undefined) return value;
    const id = parseId(value);
    if (id !== undefined && compareIds(id, FIRST_ID) > 0) return id;
  }
  throw malformed(`entry id must be <ms>-<seq> above 0-0, milliseconds, "*" or null, got ${preview(value)}`);
}

/** Reads a stream id of a batch. Long JSON text and invalid UTF-8 arrive here as bytes. @throws GatewayError BAD_HEADER */
export function streamIdOf(value: unknown): string {
  if (typeof value !== "string" || value === "")
    throw malformed(`stream id must be UTF-8 text of 1 to MAX_NAME_BYTES bytes, got ${preview(value)}`);
  return value;
}

/** Returns a short preview of a value for an error message. It does not descend into the value, which may be very deep. */
export function preview(value: unknown): string {
  if (Array.isArray(value)) {
    const items = value.slice(0, 4).map((item) => (Array.isArray(item) ? "[…]" : preview(item)));
    return cut(`[${items.join(",")}${value.length > 4 ? ",…" : ""}]`);
  }
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object" && value !== null) return "{…}";
  return cut(typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : String(value));
}

const cut = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** Checks the size of a batch. @throws GatewayError TOO_LARGE if it has more than `max` entries */
export function checkBatchSize(entries: number, max: number): void {
  if (entries > max)
    throw new GatewayError("TOO_LARGE", `a batch must have at most ${max} entries, got ${entries}`);
}

/** Messages over this size (bytes) are decoded in steps, because decoding them at once takes longer than 2 ms. */
export const LONG_MESSAGE_BYTES = 64 * 1024;

/** Values of JSON or MessagePack allowed per entry, with room for its fields, and the minimum for a batch. */
const VALUES_PER_ENTRY = 64;
const VALUES_AT_LEAST = 4096;

/** Returns the maximum number of values in a message with up to `maxEntries` entries. */
export const maxValuesOf = (maxEntries: number): number => VALUES_AT_LEAST + VALUES_PER_ENTRY * maxEntries;

/**
 * Maximum number of fields of an entry besides its payload. Each value of a repeated field counts. Redis and every reader
 * process an entry as a whole.
 */
export const MAX_FIELDS = 4096;

/** @throws GatewayError TOO_LARGE if an entry has more fields than `MAX_FIELDS` */
export function checkFieldCount(fields: number): void {
  if (fields > MAX_FIELDS)
    throw new GatewayError("TOO_LARGE", `an entry must have at most ${MAX_FIELDS} fields`);
}

/** The error for more values than may be in `what`. */
export const tooManyValues = (max: number, what: string): GatewayError =>
  new GatewayError("TOO_LARGE", `${what} must have at most ${max} values`);

/** Checks the number of values. @param what name of the message in the error @throws GatewayError TOO_LARGE above `max` */
export function checkValueCount(values: number, max: number, what: string): void {
  if (values > max) throw tooManyValues(max, what);
}
