/**
 * Encodes the clean format as JSON in steps, for long batches. `JSON.stringify` and base64 of megabytes block the event loop
 * for tens of ms, so long values are encoded in pieces, and the caller may do other work after each `yield`.
 */
import { type Entry, type StreamEntries, valuesOf } from "../../domain/streams/entry.ts";
import { encodeBase64 } from "../base64.ts";
import type { Pieces } from "../pieces.ts";
import { bytesOfText, isUtf8InSteps, lossyTextOf, textOf } from "../utf8.ts";

/** Values longer than this (bytes) are encoded in pieces of this size, a multiple of 3 so that base64 has no padding within. */
const PIECE_BYTES = 48 * 1024;
/** Characters that are encoded between two yields. Short values that are not UTF-8 make the most work per character. */
const STEP_CHARACTERS = 8 * 1024;
/** Characters of short values that are collected into one piece. */
const BLOCK_CHARACTERS = 64 * 1024;

/** Encodes entries as the same JSON text as `encodeJson`, in UTF-8. */
export function* encodeJsonSteps(streams: readonly StreamEntries[]): Generator<void, Pieces> {
  const pieces: Uint8Array[] = [];
  let text = "[";
  let pauseAt = STEP_CHARACTERS;

  function closeBlock(): void {
    if (text.length > 0) pieces.push(bytesOfText(text));
    text = "";
    pauseAt = STEP_CHARACTERS;
  }

  function* pause(): Generator<void, void> {
    pauseAt = text.length + STEP_CHARACTERS;
    if (text.length >= BLOCK_CHARACTERS) closeBlock();
    yield;
  }

  function* longValue(bytes: Uint8Array): Generator<void, void> {
    const isText = yield* isUtf8InSteps(bytes);
    text += isText ? '"' : '{"base64":"';
    closeBlock();
    for (let from = 0; from < bytes.length; ) {
      const wanted = Math.min(from + PIECE_BYTES, bytes.length);
      const to = isText ? characterStart(bytes, wanted) : wanted;
      const piece = bytes.subarray(from, to);
      pieces.push(
        bytesOfText(isText ? JSON.stringify(lossyTextOf(piece)).slice(1, -1) : encodeBase64(piece)),
      );
      from = to;
      yield;
    }
    text += isText ? '"' : '"}';
  }

  function* value(bytes: Uint8Array): Generator<void, void> {
    if (bytes.length > PIECE_BYTES) yield* longValue(bytes);
    else text += bytesJson(bytes);
    if (text.length >= pauseAt) yield* pause();
  }

  function* item(name: string, { id, data, fields }: Entry): Generator<void, void> {
    text += `[${name},"${id}",`;
    yield* value(data);
    if (fields !== undefined) {
      let before = ",{";
      for (const [field, content] of fields) {
        const isList = !(content instanceof Uint8Array);
        text += `${before}${JSON.stringify(field)}:${isList ? "[" : ""}`;
        before = ",";
        let between = "";
        for (const one of valuesOf(content)) {
          text += between;
          between = ",";
          yield* value(one);
        }
        if (isList) text += "]";
      }
      text += fields.size === 0 ? ",{}" : "}";
    }
    text += "]";
  }

  let between = "";
  for (const { stream, entries } of streams) {
    const name = JSON.stringify(stream);
    for (const entry of entries) {
      text += between;
      between = ",";
      yield* item(name, entry);
    }
  }
  text += "]";
  closeBlock();
  return pieces;
}

/** Encodes a value: a string if it is UTF-8, else `{"base64": "…"}`. */
export function bytesJson(bytes: Uint8Array): string {
  const text = textOf(bytes);
  return text === undefined ? `{"base64":"${encodeBase64(bytes)}"}` : JSON.stringify(text);
}

/** The last index up to `wanted` at which a character of UTF-8 begins, or the end. */
function characterStart(bytes: Uint8Array, wanted: number): number {
  let at = wanted;
  while (at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--;
  return at;
}
