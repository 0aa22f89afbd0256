/**
 * JSON from strangers. `JSON.parse` builds all that it reads, and the shortest values cost the most: of 64 MB of `[],`
 * it makes 2 GB, for seconds in which nobody else is served. So a long text is counted before it is parsed.
 */
import { checkValueCount, malformed, mostValuesOf } from "./push-batch.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const BRACKET = 91;
const BRACE = 123;

/**
 * Parses JSON of a batch.
 *
 * @param what the text's name in the error
 * @throws GatewayError BAD_HEADER where it is no JSON, TOO_LARGE where it holds more values than a batch can have
 */
export function parseJson(text: string, what: string, mostEntries: number): unknown {
  const most = mostValuesOf(mostEntries);
  // A value takes a character at least: most texts are too short to hold too many.
  if (text.length > most) checkValueCount(countValues(text, most), most, what);
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`${what} is no JSON`);
  }
}

/** About how many values a text holds, by the marks outside strings that begin or divide them; no further than `most`. */
function countValues(text: string, most: number): number {
  let values = 1;
  for (let i = 0; i < text.length && values <= most; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(text, i);
    else if (unit === COMMA || unit === BRACKET || unit === BRACE) values++;
  }
  return values;
}

/** Where the string that begins at `start` has its closing quote; the text's length where it has none. */
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
