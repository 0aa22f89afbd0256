/** Cuts a long list or object of a JSON text at its commas, into runs of short items and single long items. */
import { BACKSLASH, type JsonSource, QUOTE, STEP_BYTES } from "./json-source.ts";

/** Texts up to this size (bytes) are parsed at once, which takes 1 ms at most. */
export const RUN_BYTES = 16 * 1024;

const COMMA = 44;
/** `[` in ASCII. */
export const BRACKET = 91;
/** `]` in ASCII. */
export const BRACKET_END = 93;
/** `{` in ASCII. */
export const BRACE = 123;
/** `}` in ASCII. */
export const BRACE_END = 125;

/** A part of a list or an object: a run of short items, or one long item. */
export interface Part {
  readonly start: number;
  readonly end: number;
  readonly isLong: boolean;
}

/** Position inside a list or an object. */
export interface Inside {
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts the inside of a list or an object.
 *
 * @param checkCount called with the number of values so far, on all levels
 * @throws GatewayError BAD_HEADER if its brackets do not match, and the error of `checkCount`
 */
export function* cutAtCommas(
  source: JsonSource,
  { start, end }: Inside,
  checkCount: (values: number) => void,
): Generator<void, readonly Part[]> {
  const { bytes } = source;
  const parts = new PartList(start);
  let nested = 0;
  let values = 1;
  let pauseAt = start + STEP_BYTES;
  for (let at = start; at < end; at++) {
    if (at >= pauseAt) {
      checkCount(values);
      pauseAt = at + STEP_BYTES;
      yield;
    }
    const byte = bytes[at];
    if (byte === QUOTE) at = yield* endOfString(source, at, end);
    else if (byte === COMMA) {
      values++;
      if (nested === 0) parts.endItem(at);
    } else if (byte === BRACKET || byte === BRACE) {
      values++;
      nested++;
    } else if ((byte === BRACKET_END || byte === BRACE_END) && --nested < 0) throw source.broken();
  }
  if (nested > 0) throw source.broken();
  checkCount(values);
  return parts.end(end);
}

/** Parts of the items that have been scanned. */
class PartList {
  readonly #parts: Part[] = [];
  #runStart: number;
  #itemStart: number;

  constructor(start: number) {
    this.#runStart = start;
    this.#itemStart = start;
  }

  endItem(at: number): void {
    if (at - this.#itemStart > RUN_BYTES) {
      if (this.#itemStart > this.#runStart)
        this.#parts.push({ start: this.#runStart, end: this.#itemStart - 1, isLong: false });
      this.#parts.push({ start: this.#itemStart, end: at, isLong: true });
      this.#runStart = at + 1;
    } else if (at - this.#runStart > RUN_BYTES) {
      this.#parts.push({ start: this.#runStart, end: at, isLong: false });
      this.#runStart = at + 1;
    }
    this.#itemStart = at + 1;
  }

  /** Ends the last item, even if it is empty, because a trailing comma is an error. */
  end(at: number): readonly Part[] {
    this.endItem(at);
    if (this.#runStart <= at) this.#parts.push({ start: this.#runStart, end: at, isLong: false });
    return this.#parts;
  }
}

/** Returns the index of the closing quote of the string that opens at `open`. */
function* endOfString(source: JsonSource, open: number, end: number): Generator<void, number> {
  const { bytes } = source;
  for (let from = open + 1; from < end; from += STEP_BYTES) {
    const window = bytes.subarray(from, Math.min(end, from + STEP_BYTES));
    const found = window.indexOf(QUOTE);
    if (found < 0) {
      yield;
      continue;
    }
    const at = from + found;
    if (bytes[at - 1] !== BACKSLASH) return at;
    break;
  }
  // A backslash before the first quote may be escaped itself, so the escapes are followed from the start.
  let pauseAt = open + STEP_BYTES;
  for (let at = open + 1; at < end; at++) {
    if (at >= pauseAt) {
      pauseAt = at + STEP_BYTES;
      yield;
    }
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] === BACKSLASH) at++;
  }
  throw source.broken();
}
