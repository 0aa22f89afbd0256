/**
 * Parses long JSON in steps. `JSON.parse` of a batch of 60 MB blocks the event loop for half a second. So a long list or object
 * is cut at its commas into runs of a few KB, and a long string into pieces. Each is parsed by `JSON.parse`, and the caller
 * may do other work after each `yield`.
 *
 *     [ ["s",null,"a"], ["s",null,"b"], ["s",null,"…40 MB…"], ["s",null,"c"] ]
 *       └──────────── run ───────────┘  └─ cut itself  ────┘  └─── run ────┘
 */
import { checkValueCount, MAX_FIELDS, malformed, maxValuesOf } from "../push-batch.ts";
import {
  BRACE,
  BRACE_END,
  BRACKET,
  BRACKET_END,
  cutAtCommas,
  type Inside,
  type Part,
  RUN_BYTES,
} from "./json-parts.ts";
import { BACKSLASH, JsonSource, QUOTE } from "./json-source.ts";
import { decodeString } from "./json-strings.ts";

/**
 * Levels at which long values are cut. A batch has five, `[[stream, id, payload, {name: [{"base64": …}]}]]`; an object
 * that is posted as one entry may have more. Each level scans its text once more.
 */
const MAX_DEPTH = 12;
/** Largest value below those levels, in bytes, which is parsed at once. */
const MAX_DEEP_BYTES = 256 * 1024;

const COLON = 58;

/**
 * Parses a JSON text of a batch in steps.
 *
 * @returns the value; long strings are UTF-8 bytes, and long objects are `Map`s with at most one member more than an entry
 *   may have fields
 * @throws GatewayError BAD_HEADER if it is not JSON, TOO_LARGE if it has more values than a batch can have
 */
export const parseJsonSteps = (
  bytes: Uint8Array,
  what: string,
  maxEntries: number,
): Generator<void, unknown> =>
  new StepParser(new JsonSource(bytes, what), maxValuesOf(maxEntries)).value(0, bytes.length, 1);

/** Parser of one text. */
class StepParser {
  readonly #source: JsonSource;
  readonly #checkCount: (values: number) => void;

  constructor(source: JsonSource, max: number) {
    this.#source = source;
    this.#checkCount = (values) => checkValueCount(values, max, source.what);
  }

  /** Parses a value. @param depth its level, from 1 */
  *value(from: number, to: number, depth: number): Generator<void, unknown> {
    const source = this.#source;
    const { bytes, what } = source;
    const start = yield* source.skipBlanks(from, to);
    const end = yield* source.trimBlanks(start, to);
    if (end - start <= RUN_BYTES) return source.parse(start, end);
    if (depth > MAX_DEPTH) {
      if (end - start <= MAX_DEEP_BYTES) return source.parse(start, end);
      throw malformed(
        `${what} must have at most ${MAX_DEEP_BYTES} bytes per value deeper than ${MAX_DEPTH} levels`,
      );
    }
    const first = bytes[start];
    const last = bytes[end - 1];
    const inside = { start: start + 1, end: end - 1 };
    if (first === BRACKET && last === BRACKET_END) return yield* this.#list(inside, depth);
    if (first === BRACE && last === BRACE_END) return yield* this.#members(inside, depth);
    if (first === QUOTE && last === QUOTE) return yield* decodeString(source, inside.start, inside.end);
    throw source.broken();
  }

  *#list(inside: Inside, depth: number): Generator<void, unknown[]> {
    const items: unknown[] = [];
    for (const part of yield* this.#partsOf(inside, depth)) {
      if (part.isLong) items.push(yield* this.value(part.start, part.end, depth + 1));
      else {
        const run = this.#source.parse(part.start, part.end, "[", "]");
        if (!Array.isArray(run) || run.length === 0) throw this.#source.broken();
        for (const item of run) items.push(item);
      }
      yield;
    }
    return items;
  }

  *#members(inside: Inside, depth: number): Generator<void, Map<string, unknown>> {
    const found = new Map<string, unknown>();
    // An entry with more fields is rejected. An object that is posted as one entry is only checked for its syntax.
    const add = (name: string, one: unknown) => found.size <= MAX_FIELDS && found.set(name, one);
    for (const part of yield* this.#partsOf(inside, depth)) {
      if (part.isLong) {
        const [name, from] = yield* this.#memberName(part);
        add(name, yield* this.value(from, part.end, depth + 1));
      } else {
        const run = this.#source.parse(part.start, part.end, "{", "}");
        const entries = typeof run === "object" && run !== null ? Object.entries(run) : [];
        if (entries.length === 0) throw this.#source.broken();
        for (const [name, one] of entries) add(name, one);
      }
      yield;
    }
    return found;
  }

  /** Returns the parts of a list or an object. At the outermost level, the values of the whole text are counted. */
  *#partsOf(inside: Inside, depth: number): Generator<void, readonly Part[]> {
    const isEmpty = (yield* this.#source.skipBlanks(inside.start, inside.end)) === inside.end;
    if (isEmpty) return [];
    return yield* cutAtCommas(this.#source, inside, depth === 1 ? this.#checkCount : ignore);
  }

  /** Reads the name of a long member. @returns the name, and the index after the colon */
  *#memberName({ start, end }: Part): Generator<void, [name: string, from: number]> {
    const source = this.#source;
    const { bytes } = source;
    const open = yield* source.skipBlanks(start, end);
    const max = Math.min(end, open + RUN_BYTES);
    let close = open + 1;
    while (close < max && bytes[close] !== QUOTE) close += bytes[close] === BACKSLASH ? 2 : 1;
    const name = source.parse(open, Math.min(close + 1, end));
    const colon = yield* source.skipBlanks(close + 1, end);
    if (typeof name !== "string" || bytes[colon] !== COLON) throw source.broken();
    return [name, colon + 1];
  }
}

const ignore = () => undefined;
