/**
 * JSON numbers that JavaScript cannot hold: `1732791745123456789` would become `…800`, and `1e400` infinite. Where JSON is
 * read only to be written again, as metadata are, such numbers travel as marked strings and are written as they came.
 */
import { randomBytes } from "node:crypto";

/** Begins a marked string. Unknown to clients, so that no string of theirs is taken for a number. */
const MARK = `${randomBytes(12).toString("hex")}:`;
const MARKED = new RegExp(`"${MARK}(-?[0-9][0-9.eE+-]*)"`, "g");

/** A string, or a number outside strings. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Any text with such a number has 16 digits in a row or an exponent. */
const SUSPECT = /\d{16}|\d[eE]/;

/** Returns whether a number, as JSON writes it, changes when it is read. Fractions count as what they are nearest to. */
function isInexact(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return true;
  return /^-?\d{16,}$/.test(token) && BigInt(token) !== BigInt(value);
}

/** Returns the first number of a JSON text that would be altered by reading it; undefined if there is none. */
export function inexactNumberOf(json: string): string | undefined {
  if (!SUSPECT.test(json)) return undefined;
  for (const [token] of json.matchAll(TOKEN)) if (!token.startsWith('"') && isInexact(token)) return token;
  return undefined;
}

/** Marks the numbers of a JSON text that would be altered by reading it. */
export const markNumbers = (json: string): string =>
  SUSPECT.test(json)
    ? json.replace(TOKEN, (token) => (token.startsWith('"') ? token : markNumber(token)))
    : json;

/** Marks one number, as JSON of a string, if it would be altered. */
const markNumber = (token: string): string => (isInexact(token) ? `"${MARK}${token}"` : token);

/** The value of a number's text: a marked string if a number would be altered. */
export const valueOfNumber = (token: string): number | string =>
  isInexact(token) ? `${MARK}${token}` : Number(token);

/** Writes marked numbers of a JSON text as they came. */
export const unmarkNumbers = (json: string): string =>
  json.includes(MARK) ? json.replace(MARKED, "$1") : json;
