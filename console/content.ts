/** What a payload is, told by its bytes, and what numbers are in it. */
import { decode } from "@msgpack/msgpack";
import type { PulledEntry } from "../client/browser.ts";
import { imageTypeOf } from "../src/domain/content.ts";
import type { View } from "./layout.ts";
import { looksLikeSound, pcmOfMeta, readWav } from "./pcm.ts";

/** The viewer that fits a payload. @param meta the stream's metadata, which may say that it is sound */
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

/** The entries behind one that was seen; all where it is no longer among them. */
export function entriesAfter(
  entries: readonly PulledEntry[],
  seen: PulledEntry | undefined,
): readonly PulledEntry[] {
  // From the end, since most often few are new.
  return seen === undefined ? entries : entries.slice(entries.lastIndexOf(seen) + 1);
}

/** The payload as text; undefined where it is none that can be shown. */
export function textOf(entry: PulledEntry): string | undefined {
  try {
    const text = entry.text();
    // Bytes that happen to be UTF-8 are full of control characters.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    return /[\x00-\x08\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** The payload as a value; undefined where it is none in that form. */
export function parsedOf(entry: PulledEntry, form: "json" | "msgpack"): unknown {
  try {
    return form === "json" ? entry.json() : decode(entry.data);
  } catch {
    return undefined;
  }
}

/** A value as one line or, `pretty`, as many. What JSON has no word for is said in words. */
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

/** How deep numbers are looked for, and how many are taken. */
const MOST_DEPTH = 3;
const MOST_NUMBERS = 64;

const numbersByEntry = new WeakMap<PulledEntry, ReadonlyMap<string, number>>();

/**
 * The numbers in a JSON payload by their paths, `acc.x`; a bare number is `value`. An entry without a payload has those of
 * its fields. Found once per entry.
 */
export function numbersOf(entry: PulledEntry): ReadonlyMap<string, number> {
  const known = numbersByEntry.get(entry);
  if (known !== undefined) return known;
  const found = new Map<string, number>();
  if (entry.data.length > 0) collect(parsedOf(entry, "json"), "", 0, found);
  else
    for (const [name, value] of numericFields(entry)) if (found.size < MOST_NUMBERS) found.set(name, value);
  numbersByEntry.set(entry, found);
  return found;
}

/** Fields that are decimal numbers. A repeated field has no single value. */
function* numericFields({ fields }: PulledEntry): Generator<readonly [string, number]> {
  for (const [name, value] of fields ?? []) {
    const text = value instanceof Uint8Array && value.length <= 32 ? new TextDecoder().decode(value) : "";
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) yield [name, Number(text)];
  }
}

function collect(value: unknown, path: string, depth: number, found: Map<string, number>): void {
  if (found.size >= MOST_NUMBERS) return;
  if (typeof value === "number") found.set(path === "" ? "value" : path, value);
  else if (typeof value === "object" && value !== null && depth < MOST_DEPTH)
    for (const [name, member] of Object.entries(value))
      collect(member, path === "" ? name : `${path}.${name}`, depth + 1, found);
}
