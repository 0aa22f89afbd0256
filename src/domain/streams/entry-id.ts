/**
 * Entry ids, `<milliseconds>-<sequence>`, both unsigned 64-bit numbers (Redis: `streamID` in stream.h).
 *
 * An id stays the canonical decimal text that Redis sends: 64 bits do not fit a JavaScript number, and text needs
 * no conversion on the way from Redis to a client. Canonical decimals have no leading zeros, so of two the longer
 * one is the greater number and equally long ones compare digit by digit. That is how ids are ordered here;
 * comparing the whole text would put `9-0` after `10-0`.
 */

declare const brand: unique symbol;

/** A full entry id in canonical form: two decimals without leading zeros, joined by `-`. */
export type EntryId = string & { readonly [brand]: "EntryId" };

const MAX_PART = 2n ** 64n - 1n;
const DIGIT_0 = 48;

/** Canonical ids whose parts always fit in 64 bits: all that Redis generates. */
const SHORT_ID = /^(?:0|[1-9]\d{0,18})-(?:0|[1-9]\d{0,18})$/;

/** The id before all entries. Redis rejects it for an entry, so as an exclusive cursor it means "from the beginning". */
export const FIRST_ID = "0-0" as EntryId;

/** The greatest valid id. */
export const LAST_ID = `${MAX_PART}-${MAX_PART}` as EntryId;

/**
 * Compares two ids as Redis does, by milliseconds and then by sequence.
 *
 * @returns a negative number, 0 or a positive number
 */
export function compareIds(a: EntryId, b: EntryId): number {
  if (a === b) return 0;
  const dash = dashOf(a);
  let difference = dash - dashOf(b);
  // With the same number of millisecond digits, text order is numeric order.
  for (let i = 0; difference === 0 && i < dash; i++) difference = a.charCodeAt(i) - b.charCodeAt(i);
  if (difference !== 0) return difference;
  return a.length - b.length || (a < b ? -1 : 1);
}

/** Returns the index of the dash: 13 for milliseconds between the years 2001 and 2286. Literals keep the browser client small. */
const dashOf = (id: EntryId): number => (id.charCodeAt(13) === 45 ? 13 : id.indexOf("-"));

/** Returns the earlier of two ids. */
export const earlierId = (a: EntryId, b: EntryId): EntryId => (compareIds(a, b) <= 0 ? a : b);

/** Returns the later of two ids. */
export const laterId = (a: EntryId, b: EntryId): EntryId => (compareIds(a, b) >= 0 ? a : b);

/**
 * Parses an id as a client may write it: `<ms>-<seq>`, or bare `<ms>`.
 *
 * @param text text from the client; leading zeros are allowed
 * @param missingSequence the sequence of a bare `<ms>`: 0 at the start of a range, the greatest at its end
 * @returns undefined if the text is not a valid id or a part does not fit in 64 bits
 */
export function parseId(text: string, missingSequence: "least" | "greatest" = "least"): EntryId | undefined {
  if (SHORT_ID.test(text)) return text as EntryId;
  const match = /^(\d{1,40})(?:-(\d{1,40}))?$/.exec(text);
  if (match === null) return undefined;
  const ms = BigInt(match[1] ?? "");
  const rest = match[2];
  const seq = rest !== undefined ? BigInt(rest) : missingSequence === "least" ? 0n : MAX_PART;
  return ms > MAX_PART || seq > MAX_PART ? undefined : idOf(ms, seq);
}

/** Builds an id from its parts, each from 0 to 2^64-1. */
export const idOf = (ms: bigint, seq: bigint): EntryId => `${ms}-${seq}` as EntryId;

/** Returns the first id at a time. @param ms milliseconds since 1970, a non-negative integer */
export const idAtTime = (ms: number): EntryId => idOf(BigInt(ms), 0n);

/** Returns the time of an id in milliseconds since 1970. Exact up to 2^53. */
export function timeOfId(id: EntryId): number {
  const dash = dashOf(id);
  let ms = 0;
  for (let i = 0; i < dash; i++) ms = ms * 10 + (id.charCodeAt(i) - DIGIT_0);
  return ms;
}

/** Returns a time in ms as ISO 8601; null beyond the years that a date can have, because an id need not be a time. */
export const isoTime = (ms: number): string | null =>
  Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : null;

/** Returns the entry id before `id`, or undefined for `0-0` (Redis: `streamDecrID`). */
export function idBefore(id: EntryId): EntryId | undefined {
  const [ms, seq] = partsOf(id);
  if (seq > 0n) return idOf(ms, seq - 1n);
  return ms > 0n ? idOf(ms - 1n, MAX_PART) : undefined;
}

/** Returns the entry id after `id`, or undefined for the greatest one (Redis: `streamIncrID`). */
export function idAfter(id: EntryId): EntryId | undefined {
  const [ms, seq] = partsOf(id);
  if (seq < MAX_PART) return idOf(ms, seq + 1n);
  return ms < MAX_PART ? idOf(ms + 1n, 0n) : undefined;
}

function partsOf(id: EntryId): readonly [bigint, bigint] {
  const dash = dashOf(id);
  return [BigInt(id.slice(0, dash)), BigInt(id.slice(dash + 1))];
}
