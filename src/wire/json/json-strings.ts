/** Long strings of a JSON text, decoded in pieces. */
import { bytesOfText } from "../utf8.ts";
import { BACKSLASH, type JsonSource, STEP_BYTES } from "./json-source.ts";

/** U+FFFD, which replaces an invalid byte, has three bytes. */
const MAX_GROWTH = 3;

/** Decodes the inside of a string. @returns its UTF-8 @throws GatewayError BAD_HEADER */
export function* decodeString(source: JsonSource, start: number, end: number): Generator<void, Uint8Array> {
  // Pieces would take the memory once more. Escapes only shorten a string, so there is room unless bytes are invalid.
  let decoded = new Uint8Array(end - start);
  let filled = 0;
  for (let at = start; at < end; ) {
    const cut = cutOf(source.bytes, at, Math.min(at + STEP_BYTES, end), end);
    const text = source.parse(at, cut, '"', '"');
    if (typeof text !== "string") throw source.broken();
    const piece = bytesOfText(text);
    if (filled + piece.length > decoded.length) decoded = enlarged(decoded, MAX_GROWTH * (end - start));
    decoded.set(piece, filled);
    filled += piece.length;
    at = cut;
    yield;
  }
  return decoded.subarray(0, filled);
}

function enlarged(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}

/** Length of `\uXXXX`. */
const LONG_ESCAPE = 6;

/**
 * Finds where a string can be cut: not within a character, an escape, or the two escapes of a surrogate pair.
 *
 * @param from start of the piece, a valid cut
 * @param wanted intended end of the piece
 * @param end end of the string
 */
function cutOf(bytes: Uint8Array, from: number, wanted: number, end: number): number {
  if (wanted === end) return end;
  let cut = wanted;
  for (let back = 0; back < 4; back++) {
    if (((bytes[wanted - back] ?? 0) & 0xc0) !== 0x80) {
      cut = wanted - back;
      break;
    }
  }
  // Two escapes of six characters can be a pair, so twice at most.
  for (let at = Math.max(from, cut - 2 * LONG_ESCAPE); at < cut; ) {
    if (!beginsEscape(bytes, at, from)) {
      at++;
      continue;
    }
    const size = bytes[at + 1] === 0x75 ? LONG_ESCAPE : 2;
    const isPair = size === LONG_ESCAPE && isHighSurrogate(bytes, at) && at + size < end;
    const next = at + (isPair ? 2 * size : size);
    if (next > cut) return at > from ? at : Math.min(next, end);
    at += size;
  }
  return cut;
}

/** Whether a backslash begins an escape rather than being the second half of one. */
function beginsEscape(bytes: Uint8Array, at: number, from: number): boolean {
  if (bytes[at] !== BACKSLASH) return false;
  let before = at - 1;
  while (before >= from && bytes[before] === BACKSLASH) before--;
  return (at - before) % 2 === 1;
}

/** Whether an escape is `\uD800` to `\uDBFF`. */
function isHighSurrogate(bytes: Uint8Array, at: number): boolean {
  const first = (bytes[at + 2] ?? 0) | 0x20;
  const second = (bytes[at + 3] ?? 0) | 0x20;
  return first === 0x64 && "89ab".includes(String.fromCharCode(second));
}
