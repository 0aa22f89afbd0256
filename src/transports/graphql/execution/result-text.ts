/** Serializes results as JSON. A large result is serialized in slices, so that other clients are served in between. */
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import type { Pieces } from "../../../wire/pieces.ts";
import { unmarkNumbers } from "../../request/exact-numbers.ts";

/** Nesting levels that are serialized separately: `data`, a list, a device, its streams, an entry's page, its entries. */
const LEVELS = 7;

/** A result of a greater cost is large. Serializing one takes about 1 ms. */
const MAX_COST = 2_000;
/** Cost of the values that are serialized between two yields. A call for each value would take six times as long. */
const STEP_COST = 1_000;
/** Serializing an error, which is formatted then, takes as long as serializing this number of values. */
const COST_OF_ERROR = 20;
/** Number of characters whose serialization takes as long as that of one value. */
const CHARACTERS_PER_COST = 32;
const MAX_CHARACTERS = 64 * 1024;

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
export const isLargeResult = (result: object): boolean => costOf(result, MAX_COST) > MAX_COST;

/** Returns the cost of serializing a value: one for each value in it, and more for long strings. @param max cost at which the count stops */
function costOf(value: unknown, max: number): number {
  if (typeof value === "string") return 1 + Math.floor(value.length / CHARACTERS_PER_COST);
  if (typeof value !== "object" || value === null) return 1;
  if (hasToJson(value)) return COST_OF_ERROR;
  let cost = 1;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && cost <= max; i++) cost += costOf(value[i], max - cost);
    return cost;
  }
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) {
    cost += Math.floor(name.length / CHARACTERS_PER_COST) + costOf(members[name], max - cost);
    if (cost > max) break;
  }
  return cost;
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
  if (typeof value === "string" && value.length > MAX_CHARACTERS) yield* writeString(value, out);
  else if (
    levels === 0 ||
    typeof value !== "object" ||
    value === null ||
    hasToJson(value) ||
    costOf(value, STEP_COST) <= STEP_COST
  ) {
    out.add(unmarkNumbers(JSON.stringify(value)));
    yield;
  } else if (Array.isArray(value)) yield* writeList(value, levels, out);
  else yield* writeObject(value, levels, out);
}

function* writeObject(value: object, levels: number, out: PieceWriter): Generator<void, void> {
  let separator = "{";
  for (const [name, one] of Object.entries(value)) {
    if (one === undefined) continue;
    out.add(`${separator}${JSON.stringify(name)}:`);
    separator = ",";
    yield* write(one, levels - 1, out);
  }
  out.add(separator === "{" ? "{}" : "}");
}

/** Writes a list. Small items are serialized together. */
function* writeList(items: readonly unknown[], levels: number, out: PieceWriter): Generator<void, void> {
  out.add("[");
  for (let from = 0; from < items.length; ) {
    let to = from;
    for (let left = STEP_COST; to < items.length; to++) {
      left -= costOf(items[to], left);
      if (left < 0) break;
    }
    if (from > 0) out.add(",");
    if (to === from) yield* write(items[to++] ?? null, levels - 1, out);
    else {
      out.add(unmarkNumbers(JSON.stringify(items.slice(from, to)).slice(1, -1)));
      yield;
    }
    from = to;
  }
  out.add("]");
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
