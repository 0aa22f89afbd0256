/** What every push format is decoded to, and the rules that they share. */

import type { EntryFields, RequestedId } from "../domain/entry.ts";
import { compareIds, FIRST_ID, parseId } from "../domain/entry-id.ts";
import { GatewayError } from "../domain/errors.ts";

/** One pushed entry, under the name that the client gave its stream. */
export interface PushedEntry {
  readonly stream: string;
  readonly id: RequestedId;
  readonly data: Uint8Array;
  readonly fields?: EntryFields;
}

/** The error for a batch that is not what its format says. */
export const malformed = (problem: string): GatewayError => new GatewayError("BAD_HEADER", problem);

/**
 * Reads the entry id that a client asks for (wire.md, "WebSocket push"): `null`, `""` and `"*"` let Redis assign it,
 * an integer means milliseconds, text is an id, bare milliseconds or `<ms>-*`.
 *
 * @throws GatewayError BAD_HEADER
 */
export function requestedIdOf(value: unknown): RequestedId {
  if (value === null || value === undefined || value === "" || value === "*") return "*";
  if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) {
    if (value > 0) return requestedIdOf(String(value));
  } else if (typeof value === "string") {
    const sequenceless = /^(\d+)-\*$/.exec(value)?.[1];
    if (sequenceless !== undefined && parseId(sequenceless) !== undefined) return value;
    const id = parseId(value);
    if (id !== undefined && compareIds(id, FIRST_ID) > 0) return id;
  }
  throw malformed(`entry id ${preview(value)} is not one: <ms>-<seq> above 0-0, milliseconds, "*" or null`);
}

/** Reads a stream id of a batch. @throws GatewayError BAD_HEADER */
export function streamIdOf(value: unknown): string {
  if (typeof value !== "string" || value === "") throw malformed(`stream id ${preview(value)} is no name`);
  return value;
}

/** A value as an error message shows it: short, and never walked into, since a hostile one may be very deep. */
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

/** @throws GatewayError TOO_LARGE where a batch has more entries than `most` */
export function checkBatchSize(entries: number, most: number): void {
  if (entries > most)
    throw new GatewayError("TOO_LARGE", `a batch of ${entries} entries is over the limit of ${most}`);
}

/** Messages over this size (bytes) are decoded in steps, because decoding them at once takes longer than 2 ms. */
export const LONG_MESSAGE_BYTES = 64 * 1024;

/** Values of JSON or MessagePack that a batch may be made of: per entry, with room for its fields, and in any case. */
const VALUES_PER_ENTRY = 64;
const VALUES_AT_LEAST = 4096;

/** How many values a message may hold, where a batch may have `mostEntries`. */
export const maxValuesOf = (mostEntries: number): number => VALUES_AT_LEAST + VALUES_PER_ENTRY * mostEntries;

/**
 * Most fields of one entry beside its payload, each value of a repeated field counted: Redis and every reader handle an
 * entry as a whole.
 */
export const MOST_FIELDS = 4096;

/** @throws GatewayError TOO_LARGE if an entry has more fields than `MOST_FIELDS` */
export function checkFieldCount(fields: number): void {
  if (fields > MOST_FIELDS)
    throw new GatewayError("TOO_LARGE", `an entry must have at most ${MOST_FIELDS} fields`);
}

/** The error for more values than may be in `what`. */
export const tooManyValues = (most: number, what: string): GatewayError =>
  new GatewayError("TOO_LARGE", `${what} holds more than ${most} values`);

/** @throws GatewayError TOO_LARGE where there are more values than `most` @param what has them */
export function checkValueCount(values: number, most: number, what: string): void {
  if (values > most) throw tooManyValues(most, what);
}
