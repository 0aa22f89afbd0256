/**
 * Encodes the clean format as JSON in steps, for long batches. `JSON.stringify` and base64 of megabytes block the event loop
 * for tens of ms, so long values are encoded in pieces, and the caller may do other work after each `yield`.
 */
import { type EntryFields, type StreamEntries, valuesOf } from "../../domain/streams/entry.ts";
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
  const out = new JsonSteps();
  out.add("[");
  let between = "";
  for (const { stream, entries } of streams) {
    const name = JSON.stringify(stream);
    for (const { id, data, fields } of entries) {
      out.add(`${between}[${name},"${id}",`);
      between = ",";
      yield* out.value(data);
      if (fields !== undefined) {
        out.add(",");
        yield* out.fields(fields);
      }
      out.add("]");
    }
  }
  out.add("]");
  return out.take();
}

/** JSON text that is encoded in steps. */
export class JsonSteps {
  readonly #pieces: Uint8Array[] = [];
  #text = "";
  #pauseAt = STEP_CHARACTERS;

  /** Adds short text that is JSON already. */
  add(text: string): void {
    this.#text += text;
  }

  /** Adds bytes as `bytesJson` encodes them. */
  *value(bytes: Uint8Array): Generator<void, void> {
    if (bytes.length > PIECE_BYTES) yield* this.#longValue(bytes);
    else this.#text += bytesJson(bytes);
    if (this.#text.length >= this.#pauseAt) yield* this.#pause();
  }

  /** Adds an object of fields. */
  *fields(fields: EntryFields): Generator<void, void> {
    let before = "{";
    for (const [field, content] of fields) {
      const isList = !(content instanceof Uint8Array);
      this.#text += `${before}${JSON.stringify(field)}:${isList ? "[" : ""}`;
      before = ",";
      let between = "";
      for (const one of valuesOf(content)) {
        this.#text += between;
        between = ",";
        yield* this.value(one);
      }
      if (isList) this.#text += "]";
    }
    this.#text += fields.size === 0 ? "{}" : "}";
  }

  /** Returns the text in UTF-8. */
  take(): Pieces {
    this.#closeBlock();
    return this.#pieces;
  }

  #closeBlock(): void {
    if (this.#text.length > 0) this.#pieces.push(bytesOfText(this.#text));
    this.#text = "";
    this.#pauseAt = STEP_CHARACTERS;
  }

  *#pause(): Generator<void, void> {
    this.#pauseAt = this.#text.length + STEP_CHARACTERS;
    if (this.#text.length >= BLOCK_CHARACTERS) this.#closeBlock();
    yield;
  }

  *#longValue(bytes: Uint8Array): Generator<void, void> {
    const isText = yield* isUtf8InSteps(bytes);
    this.#text += isText ? '"' : '{"base64":"';
    this.#closeBlock();
    for (let from = 0; from < bytes.length; ) {
      const wanted = Math.min(from + PIECE_BYTES, bytes.length);
      const to = isText ? characterStart(bytes, wanted) : wanted;
      const piece = bytes.subarray(from, to);
      this.#pieces.push(
        bytesOfText(isText ? JSON.stringify(lossyTextOf(piece)).slice(1, -1) : encodeBase64(piece)),
      );
      from = to;
      yield;
    }
    this.#text += isText ? '"' : '"}';
  }
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
