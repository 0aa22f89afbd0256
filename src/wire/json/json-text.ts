/**
 * Bounded parser for JSON from untrusted clients. `JSON.parse` allocates every value, and the shortest values cost the most:
 * 64 MB of `[],` become 2 GB of objects and block the process for seconds. So a long text is measured before it is parsed.
 */
import { GatewayError } from "../../domain/errors.ts";
import { checkValueCount, malformed, maxValuesOf } from "../push-batch.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const BRACKET = 91;
const BRACKET_END = 93;
const BRACE = 123;
const BRACE_END = 125;

/** Bounds of a JSON text. */
export interface JsonBounds {
  /** Maximum number of values: lists, objects, names, strings, numbers. */
  readonly values: number;
  /** Maximum nesting of lists and objects. */
  readonly depth: number;
}

/**
 * Bounds of JSON that is parsed as a whole and serialized again: payloads, metadata, GraphQL requests. `JSON.parse` takes
 * less than 10 ms for 50,000 values, and `JSON.stringify` recurses safely through 200 levels.
 */
const JSON_VALUE_BOUNDS: JsonBounds = { values: 50_000, depth: 200 };

/**
 * Parses the JSON of a batch.
 *
 * @param what name of the text in the error
 * @throws GatewayError BAD_HEADER if it is not JSON, TOO_LARGE if it holds more values than a batch can have
 */
export function parseJson(text: string, what: string, maxEntries: number): unknown {
  const max = maxValuesOf(maxEntries);
  // A value takes at least one character, so a shorter text cannot hold too many.
  if (text.length > max) checkValueCount(measure(text, max, Number.POSITIVE_INFINITY).values, max, what);
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`${what} is not valid JSON`);
  }
}

/**
 * Checks a text before it is parsed as JSON. The cost is linear, and the check stops at the first bound that is exceeded.
 *
 * @param what name of the text in the error
 * @returns an upper bound of the number of values
 * @throws GatewayError TOO_LARGE if the text exceeds a bound
 */
export function checkJsonBounds(text: string, what: string, bounds: JsonBounds = JSON_VALUE_BOUNDS): number {
  const { values, depth } = measure(text, bounds.values, bounds.depth);
  if (values > bounds.values)
    throw new GatewayError("TOO_LARGE", `${what} must have at most ${bounds.values} JSON values`);
  if (depth > bounds.depth)
    throw new GatewayError("TOO_LARGE", `${what} must have at most ${bounds.depth} levels of JSON`);
  return values;
}

/**
 * Measures the number of values and the depth of a text by its structural characters outside strings. The result is never
 * too low for valid JSON; for other text it is arbitrary.
 */
function measure(text: string, maxValues: number, maxDepth: number): JsonBounds {
  let values = 1;
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length && values <= maxValues && deepest <= maxDepth; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(text, i);
    else if (unit === COMMA) values++;
    else if (unit === BRACKET || unit === BRACE) {
      values++;
      if (++depth > deepest) deepest = depth;
    } else if (unit === BRACKET_END || unit === BRACE_END) depth--;
  }
  return { values, depth: deepest };
}

/** Returns the index of the closing quote of the string at `start`, or the text's length if there is none. */
function endOfString(text: string, start: number): number {
  let end = start;
  do {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
  } while (isEscaped(text, end));
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - before) % 2 === 0;
}
