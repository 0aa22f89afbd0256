/** Detects the content type of a payload by its bytes, and extracts its numbers. */
import { decode } from "@msgpack/msgpack";
import type { PulledEntry } from "../client/browser.ts";
import { imageTypeOf } from "../src/domain/content.ts";
import type { View } from "./layout.ts";
import { looksLikeSound, pcmOfMeta, readWav } from "./pcm.ts";

/** Selects the viewer for a payload. @param meta the stream's metadata, which may declare an audio format */
export function viewOf(entry: PulledEntry, meta?: unknown): Exclude<View, "auto"> {
  if (entry.data.length === 0 && entry.fields !== undefined) return "text";
  if (imageTypeOf(entry.data) !== undefined) return "image";
  if (readWav(entry.data) !== undefined) return "audio";
  if (parsedOf(entry, "json") !== undefined) return numbersOf(entry).size > 0 ? "plot" : "text";
  if (textOf(entry) !== undefined) return "text";
  if (pcmOfMeta(meta) !== undefined) return "audio";
  const unpacked = parsedOf(entry, "msgpack");
  if (typeof unpacked === "object" && unpacked !== null) return "msgpack";
  return looksLikeSound(entry.data) ? "audio" : "hex";
}

/** Returns the entries after a known one; all if the known one is no longer in the list. */
export function entriesAfter(
  entries: readonly PulledEntry[],
  known: PulledEntry | undefined,
): readonly PulledEntry[] {
  // Searches from the end, because usually few entries are new.
  return known === undefined ? entries : entries.slice(entries.lastIndexOf(known) + 1);
}

/** Returns the payload as text; undefined if it is not printable text. */
export function textOf(entry: PulledEntry): string | undefined {
  try {
    const text = entry.text();
    // Binary data that is valid UTF-8 by chance contains control characters.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression searches for control characters
    return /[\x00-\x08\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Parses the payload; undefined if it is not valid in that format. */
export function parsedOf(entry: PulledEntry, form: "json" | "msgpack"): unknown {
  try {
    return form === "json" ? entry.json() : decode(entry.data);
  } catch {
    return undefined;
  }
}

/** Formats a value as JSON, on one line or, with `pretty`, on several. Byte arrays are replaced by their size. */
export const valueText = (value: unknown, pretty: boolean): string =>
  JSON.stringify(
    value,
    (_name, member: unknown) => {
      if (typeof member === "bigint") return String(member);
      if (member instanceof Uint8Array) return `${member.length} bytes`;
      return member;
    },
    pretty ? 2 : undefined,
  ) ?? "";

/** Limits of the search for numbers: depth and count. */
const MAX_DEPTH = 3;
const MAX_NUMBERS = 64;

const numbersByEntry = new WeakMap<PulledEntry, ReadonlyMap<string, number>>();

/**
 * Returns the numbers of a JSON payload by path, such as `acc.x`. A bare number has the path `value`. For an entry without
 * a payload it returns its numeric fields. The result is cached per entry.
 */
export function numbersOf(entry: PulledEntry): ReadonlyMap<string, number> {
  const known = numbersByEntry.get(entry);
  if (known !== undefined) return known;
  const found = new Map<string, number>();
  if (entry.data.length > 0) collect(parsedOf(entry, "json"), "", 0, found);
  else for (const [name, value] of numericFields(entry)) if (found.size < MAX_NUMBERS) found.set(name, value);
  numbersByEntry.set(entry, found);
  return found;
}

/** Yields the fields that are decimal numbers. Repeated fields are skipped. */
function* numericFields({ fields }: PulledEntry): Generator<readonly [string, number]> {
  for (const [name, value] of fields ?? []) {
    const text = value instanceof Uint8Array && value.length <= 32 ? new TextDecoder().decode(value) : "";
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) yield [name, Number(text)];
  }
}

function collect(value: unknown, path: string, depth: number, found: Map<string, number>): void {
  if (found.size >= MAX_NUMBERS) return;
  if (typeof value === "number") found.set(path === "" ? "value" : path, value);
  else if (typeof value === "object" && value !== null && depth < MAX_DEPTH)
    for (const [name, member] of Object.entries(value))
      collect(member, path === "" ? name : `${path}.${name}`, depth + 1, found);
}
