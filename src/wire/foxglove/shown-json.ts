/**
 * JSON as viewers can show it: objects. Numbers, lists and other values are wrapped as `{"value": …}`, and MessagePack is
 * transcoded.
 */
import { isObject } from "../../domain/is-object.ts";
import { readMsgpackValue } from "../msgpack/msgpack-reader.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText } from "../utf8.ts";

const BRACE = 0x7b;
/** First bytes of a list, text, number, `true`, `false` or `null`. */
const OTHER_VALUES = new Set([...'["-0123456789tfn'].map((character) => character.charCodeAt(0)));
const BEFORE_VALUE = bytesOfText('{"value":');
const AFTER_VALUE = bytesOfText("}");

/** Maximum white space before a value that is skipped. */
const MAX_SPACES = 64;
/** Size of a MessagePack payload that is transcoded, in bytes. It takes about 5 ms. */
const MAX_TRANSCODED_BYTES = 256 * 1024;

/** Returns a JSON payload as an object; undefined if it is not JSON. Only its first character is checked. */
export function shownJson(data: Uint8Array): Pieces | undefined {
  let start = 0;
  while (start < MAX_SPACES && isSpace(data[start])) start++;
  const first = data[start] ?? 0;
  if (first === BRACE) return [data];
  return OTHER_VALUES.has(first) ? [BEFORE_VALUE, data, AFTER_VALUE] : undefined;
}

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Transcodes a MessagePack payload; undefined if it is not valid, or too large. */
export function shownMsgpack(data: Uint8Array): Pieces | undefined {
  const value = valueOfMsgpack(data);
  return value === undefined ? undefined : [bytesOfText(JSON.stringify(objectOf(value)))];
}

/** Returns a MessagePack payload as a value of JSON; undefined if it is not valid, or too large. */
export function valueOfMsgpack(data: Uint8Array): unknown {
  if (data.length > MAX_TRANSCODED_BYTES) return undefined;
  try {
    return jsonOf(readMsgpackValue(data));
  } catch {
    return undefined;
  }
}

/** Wraps a value that is not an object. */
export const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  isObject(value) ? value : { value };

/** Replaces values that JSON cannot represent: integers above 2^53 become text, bytes their size, and NaN null. */
function jsonOf(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, jsonOf(member)]));
}
