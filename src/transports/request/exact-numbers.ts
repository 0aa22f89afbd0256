/**
 * Preserves JSON numbers that JavaScript cannot represent: `1732791745123456789` would become `…800`, and `1e400` infinity.
 * In JSON that is parsed only to be written again, such as metadata, these numbers are replaced by marked strings.
 */
import { randomBytes } from "node:crypto";

/** Prefix of a marked string. It is random, so that clients cannot send strings that look like marked numbers. */
const MARK = `${randomBytes(12).toString("hex")}:`;
const MARKED = new RegExp(`"${MARK}(-?[0-9][0-9.eE+-]*)"`, "g");

/** A string, or a number outside strings. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/** Matches all texts that contain such a number: 16 consecutive digits or an exponent. */
const SUSPECT = /\d{16}|\d[eE]/;

/** Whether a number in JSON changes when it is parsed. Rounding of fractions does not count as a change. */
function isInexact(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return true;
  return /^-?\d{16,}$/.test(token) && BigInt(token) !== BigInt(value);
}

/** Returns the first number of a JSON text that parsing would change; undefined if there is none. */
export function inexactNumberOf(json: string): string | undefined {
  if (!SUSPECT.test(json)) return undefined;
  for (const [token] of json.matchAll(TOKEN)) if (!token.startsWith('"') && isInexact(token)) return token;
  return undefined;
}

/** Marks the numbers of a JSON text that parsing would change. */
export const markNumbers = (json: string): string =>
  SUSPECT.test(json)
    ? json.replace(TOKEN, (token) => (token.startsWith('"') ? token : markNumber(token)))
    : json;

/** Returns a number as a marked JSON string if parsing would change it. */
const markNumber = (token: string): string => (isInexact(token) ? `"${MARK}${token}"` : token);

/** Returns the value of a number, or a marked string if parsing would change it. */
export const valueOfNumber = (token: string): number | string =>
  isInexact(token) ? `${MARK}${token}` : Number(token);

/** Restores the marked numbers of a JSON text. */
export const unmarkNumbers = (json: string): string =>
  json.includes(MARK) ? json.replace(MARKED, "$1") : json;
