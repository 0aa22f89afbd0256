/**
 * Parses long JSON in steps. `JSON.parse` of a batch of 60 MB blocks the event loop for half a second. So a long list or object
 * is cut at its commas into runs of a few KB, and a long string into pieces. Each is parsed by `JSON.parse`, and the caller
 * may do other work after each `yield`.
 *
 *     [ ["s",null,"a"], ["s",null,"b"], ["s",null,"…40 MB…"], ["s",null,"c"] ]
 *       └──────────── run ───────────┘  └─ cut itself  ────┘  └─── run ────┘
 */
import { checkValueCount, MOST_FIELDS, malformed, maxValuesOf } from "../push-batch.ts";
import { bytesOfText, lossyTextOf } from "../utf8.ts";

/** Texts up to this size (bytes) are parsed at once, which takes 1 ms at most. */
const RUN_BYTES = 16 * 1024;
/** Bytes that are scanned, or of a long string that are decoded, between two yields. */
const STEP_BYTES = 128 * 1024;
/**
 * Levels at which long values are cut. A batch has five, `[[stream, id, payload, {name: [{"base64": …}]}]]`; an object
 * that is posted as one entry may have more. Each level scans its text once more.
 */
const MOST_DEPTH = 12;
/** Largest value below those levels, in bytes, which is parsed at once. */
const MOST_DEEP_BYTES = 256 * 1024;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const BRACKET = 91;
const BRACKET_END = 93;
const BRACE = 123;
const BRACE_END = 125;

/** A part of a list or an object: a run of short items, or one long item. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly isLong: boolean;
}

/**
 * Parses a JSON text of a batch in steps.
 *
 * @returns the value; long strings are UTF-8 bytes, and long objects are `Map`s with at most one member more than an entry
 *   may have fields
 * @throws GatewayError BAD_HEADER if it is not JSON, TOO_LARGE if it has more values than a batch can have
 */
export function* parseJsonSteps(
  bytes: Uint8Array,
  what: string,
  maxEntries: number,
): Generator<void, unknown> {
  const broken = () => malformed(`${what} is not valid JSON`);
  const most = maxValuesOf(maxEntries);

  function parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw broken();
    }
  }

  const textBetween = (start: number, end: number) => lossyTextOf(bytes.subarray(start, end));

  /** Steps over whitespace. @returns the index of the first other byte, or `end` */
  function* skipBlanks(start: number, end: number): Generator<void, number> {
    let at = start;
    for (; at < end && isBlank(bytes[at]); at++) if (at % STEP_BYTES === 0) yield;
    return at;
  }

  function* value(from: number, to: number, depth: number): Generator<void, unknown> {
    const start = yield* skipBlanks(from, to);
    let end = to;
    for (; end > start && isBlank(bytes[end - 1]); end--) if (end % STEP_BYTES === 0) yield;
    if (end - start <= RUN_BYTES) return parse(textBetween(start, end));
    if (depth > MOST_DEPTH) {
      if (end - start <= MOST_DEEP_BYTES) return parse(textBetween(start, end));
      throw malformed(`${what} nests more than ${MOST_DEEP_BYTES} bytes deeper than ${MOST_DEPTH} levels`);
    }
    const first = bytes[start];
    const last = bytes[end - 1];
    if (first === BRACKET && last === BRACKET_END) return yield* list(start + 1, end - 1, depth);
    if (first === BRACE && last === BRACE_END) return yield* members(start + 1, end - 1, depth);
    if (first === QUOTE && last === QUOTE) return yield* longString(start + 1, end - 1);
    throw broken();
  }

  function* list(start: number, end: number, depth: number): Generator<void, unknown[]> {
    const items: unknown[] = [];
    if ((yield* skipBlanks(start, end)) === end) return items;
    const parts = yield* split(start, end, depth);
    for (const part of parts) {
      if (part.isLong) items.push(yield* value(part.start, part.end, depth + 1));
      else {
        const run = parse(`[${textBetween(part.start, part.end)}]`);
        if (!Array.isArray(run) || run.length === 0) throw broken();
        for (const item of run) items.push(item);
      }
      yield;
    }
    return items;
  }

  function* members(start: number, end: number, depth: number): Generator<void, Map<string, unknown>> {
    const found = new Map<string, unknown>();
    // An entry with more fields is rejected. An object that is posted as one entry is only checked for its syntax.
    const add = (name: string, one: unknown) => found.size <= MOST_FIELDS && found.set(name, one);
    if ((yield* skipBlanks(start, end)) === end) return found;
    const parts = yield* split(start, end, depth);
    for (const part of parts) {
      if (part.isLong) {
        const [name, from] = yield* memberName(part);
        add(name, yield* value(from, part.end, depth + 1));
      } else {
        const run = parse(`{${textBetween(part.start, part.end)}}`);
        const entries = typeof run === "object" && run !== null ? Object.entries(run) : [];
        if (entries.length === 0) throw broken();
        for (const [name, one] of entries) add(name, one);
      }
      yield;
    }
    return found;
  }

  /** Reads the name of a long member. @returns the name, and the index after the colon */
  function* memberName({ start, end }: Part): Generator<void, [name: string, from: number]> {
    const open = yield* skipBlanks(start, end);
    const most = Math.min(end, open + RUN_BYTES);
    let close = open + 1;
    while (close < most && bytes[close] !== QUOTE) close += bytes[close] === BACKSLASH ? 2 : 1;
    const name = parse(textBetween(open, Math.min(close + 1, end)));
    const colon = yield* skipBlanks(close + 1, end);
    if (typeof name !== "string" || bytes[colon] !== COLON) throw broken();
    return [name, colon + 1];
  }

  /**
   * Cuts the inside of a list or an object at its commas. At the outermost level it counts the values of the whole text,
   * and stops at the bound.
   */
  function* split(start: number, end: number, depth: number): Generator<void, Part[]> {
    const parts: Part[] = [];
    let runStart = start;
    let itemStart = start;
    let nested = 0;
    let values = 1;
    let pauseAt = start + STEP_BYTES;

    function endItem(at: number): void {
      if (at - itemStart > RUN_BYTES) {
        if (itemStart > runStart) parts.push({ start: runStart, end: itemStart - 1, isLong: false });
        parts.push({ start: itemStart, end: at, isLong: true });
        runStart = at + 1;
      } else if (at - runStart > RUN_BYTES) {
        parts.push({ start: runStart, end: at, isLong: false });
        runStart = at + 1;
      }
      itemStart = at + 1;
    }

    for (let at = start; at < end; at++) {
      if (at >= pauseAt) {
        if (depth === 1) checkValueCount(values, most, what);
        pauseAt = at + STEP_BYTES;
        yield;
      }
      const byte = bytes[at];
      if (byte === QUOTE) at = yield* endOfString(at, end);
      else if (byte === COMMA) {
        values++;
        if (nested === 0) endItem(at);
      } else if (byte === BRACKET || byte === BRACE) {
        values++;
        nested++;
      } else if ((byte === BRACKET_END || byte === BRACE_END) && --nested < 0) throw broken();
    }
    if (nested > 0) throw broken();
    if (depth === 1) checkValueCount(values, most, what);
    // Even if the item is empty, because a trailing comma is an error.
    endItem(end);
    if (runStart <= end) parts.push({ start: runStart, end, isLong: false });
    return parts;
  }

  /** The index of the closing quote of the string that opens at `open`. */
  function* endOfString(open: number, end: number): Generator<void, number> {
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
    throw broken();
  }

  function* longString(start: number, end: number): Generator<void, Uint8Array> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (let at = start; at < end; ) {
      const cut = cutOf(bytes, at, Math.min(at + STEP_BYTES, end), end);
      const text = parse(`"${textBetween(at, cut)}"`);
      if (typeof text !== "string") throw broken();
      const piece = bytesOfText(text);
      pieces.push(piece);
      size += piece.length;
      at = cut;
      yield;
    }
    const whole = new Uint8Array(size);
    let filled = 0;
    for (const piece of pieces) {
      whole.set(piece, filled);
      filled += piece.length;
      yield;
    }
    return whole;
  }

  return yield* value(0, bytes.length, 1);
}

const isBlank = (byte: number | undefined): boolean =>
  byte === 32 || byte === 10 || byte === 13 || byte === 9;

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
