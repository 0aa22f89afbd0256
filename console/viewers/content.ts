/** Chooses the viewer of a payload by its declared or detected content type, and extracts its numbers. */
import { decode } from "@msgpack/msgpack";
import type { PulledEntry } from "../../client/browser.ts";
import { readDeclaration } from "../../src/domain/content/declaration.ts";
import { guessType, hasControls, imageTypeOf } from "../../src/domain/content/detection.ts";
import { essenceOf, parseMediaType } from "../../src/domain/content/media-type.ts";
import { pcmOfMeta, readWav } from "../../src/domain/content/pcm.ts";
import type { View } from "../page/layout.ts";
import { looksLikeSound } from "./pcm.ts";

/** A viewer. */
type Viewer = Exclude<View, "auto">;

/**
 * Selects the viewer for a payload: by its declared content type if the payload is of that type, else by its bytes.
 *
 * @param meta the stream's metadata, which may declare a content type or an audio format
 */
export function viewOf(entry: PulledEntry, meta?: unknown): Viewer {
  const { data, fields } = entry;
  if (data.length === 0 && fields !== undefined) return "text";
  const declared = viewerOfType(declaredType(entry, meta), entry, meta);
  if (declared !== undefined) return declared;
  const guessed = guessType(data);
  // Samples may happen to be valid MessagePack; the metadata states that they are samples.
  if (guessed === "application/msgpack" && pcmOfMeta(meta) !== undefined) return "audio";
  const detected = viewerOfType(guessed, entry, meta);
  if (detected !== undefined) return detected;
  if (data.length === 0) return "text";
  return pcmOfMeta(meta) !== undefined || looksLikeSound(data) ? "audio" : "hex";
}

/** Returns the content type that the entry's field `content-type`, or else the stream's metadata, declares. */
function declaredType({ fields }: PulledEntry, meta: unknown): string | undefined {
  const field = fields?.get("content-type");
  const own = field instanceof Uint8Array ? parseMediaType(new TextDecoder().decode(field)) : undefined;
  return own ?? readDeclaration(meta).declaration.contentType;
}

/** Returns the viewer for a content type; undefined if there is none, or the payload is not of that type. */
function viewerOfType(type: string | undefined, entry: PulledEntry, meta: unknown): Viewer | undefined {
  const essence = type === undefined ? "" : essenceOf(type);
  if (essence.startsWith("image/")) return imageTypeOf(entry.data) === undefined ? undefined : "image";
  if (essence.startsWith("audio/"))
    return readWav(entry.data) === undefined && pcmOfMeta(meta) === undefined ? undefined : "audio";
  if (/^application\/(.*\+)?json$/.test(essence)) {
    if (parsedOf(entry, "json") === undefined) return undefined;
    return numbersOf(entry).size > 0 ? "plot" : "text";
  }
  if (essence.startsWith("text/")) return textOf(entry) === undefined ? undefined : "text";
  if (essence === "application/msgpack") return isObject(parsedOf(entry, "msgpack")) ? "msgpack" : undefined;
  return undefined;
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

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
  if (hasControls(entry.data)) return undefined;
  try {
    return entry.text();
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
