/** Serializes results as JSON. A large result is serialized in slices, so that other clients are served in between. */
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import type { Pieces } from "../../../wire/pieces.ts";
import { unmarkNumbers } from "../../request/exact-numbers.ts";

/** Nesting levels that are serialized separately: `data`, a list, a device, its streams, an entry's page, its entries. */
const LEVELS = 7;

/** A result with more values, or more characters in its strings, is large. Serializing one takes about 1 ms. */
const MAX_VALUES = 2_000;
const MAX_CHARACTERS = 64 * 1024;
/** Formatting an error takes as long as serializing this number of values. */
const VALUES_OF_ERROR = 20;

/**
 * Serializes a result.
 *
 * @returns its JSON; in pieces of UTF-8 if it is large, because one text of many megabytes would be copied several times
 */
export async function encodeResult(result: object, workSlices: WorkSlices): Promise<string | Pieces> {
  return isLargeResult(result)
    ? encodeLargeResult(result, workSlices)
    : unmarkNumbers(JSON.stringify(result));
}

/** Serializes a result in slices, as pieces of UTF-8. */
export async function encodeLargeResult(result: object, workSlices: WorkSlices): Promise<Pieces> {
  const out = new PieceWriter();
  await workSlices.run(write(result, LEVELS, out));
  return out.take();
}

/** Whether a result has so many values or characters that it is serialized in slices. */
export function isLargeResult(result: object): boolean {
  let values = 0;
  let characters = 0;
  const open: unknown[] = [result];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "string") characters += value.length;
    else if (hasToJson(value)) values += VALUES_OF_ERROR;
    else if (typeof value === "object" && value !== null) {
      const items = Array.isArray(value) ? value : Object.values(value);
      values += items.length;
      for (const item of items) open.push(item);
    }
    if (characters > MAX_CHARACTERS || values > MAX_VALUES) return true;
  }
  return false;
}

const hasToJson = (value: unknown): value is { toJSON(): unknown } =>
  typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function";

/** Collects text as pieces of UTF-8. */
class PieceWriter {
  readonly #pieces: Buffer[] = [];
  #text = "";

  add(text: string): void {
    this.#text += text;
    if (this.#text.length >= MAX_CHARACTERS) this.#close();
  }

  take(): Pieces {
    this.#close();
    return this.#pieces;
  }

  #close(): void {
    if (this.#text !== "") this.#pieces.push(Buffer.from(this.#text));
    this.#text = "";
  }
}

function* write(value: unknown, levels: number, out: PieceWriter): Generator<void, void> {
  if (typeof value === "string" && value.length > MAX_CHARACTERS) {
    yield* writeString(value, out);
    return;
  }
  if (levels === 0 || typeof value !== "object" || value === null || hasToJson(value)) {
    out.add(unmarkNumbers(JSON.stringify(value)));
    yield;
    return;
  }
  const isList = Array.isArray(value);
  let separator = isList ? "[" : "{";
  for (const [name, one] of isList ? value.entries() : Object.entries(value)) {
    if (one === undefined && !isList) continue;
    out.add(isList ? separator : `${separator}${JSON.stringify(name)}:`);
    separator = ",";
    yield* write(one ?? null, levels - 1, out);
  }
  if (separator !== ",") out.add(separator);
  out.add(isList ? "]" : "}");
}

/** Writes a long string part by part. */
function* writeString(value: string, out: PieceWriter): Generator<void, void> {
  out.add('"');
  for (let from = 0; from < value.length; ) {
    const end = from + MAX_CHARACTERS;
    // The halves of a surrogate pair are serialized together.
    const isSplit = isHighSurrogate(value.charCodeAt(end - 1));
    const to = isSplit ? end + 1 : end;
    out.add(JSON.stringify(value.slice(from, to)).slice(1, -1));
    from = to;
    yield;
  }
  out.add('"');
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
