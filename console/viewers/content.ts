/** Content of an entry: its kind, by the declared or detected content type, its value and its numbers. */
import type { PulledEntry } from "../../client/browser.ts";
import { hasControls } from "../../src/domain/content/control-characters.ts";
import { readDeclaration } from "../../src/domain/content/declaration.ts";
import { guessType, imageTypeOf } from "../../src/domain/content/detection.ts";
import { essenceOf, parseMediaType } from "../../src/domain/content/media-type.ts";
import { pcmOfMeta, readWav } from "../../src/domain/content/pcm.ts";
import { looksLikeSound } from "./audio/pcm.ts";
import { remembered } from "./remembered.ts";
import { beginsFrame, codecOfType } from "./video/access-unit.ts";

/** Kind of a payload. `fields` is an entry without a payload: a plain Redis entry. */
export type Kind = "image" | "video" | "audio" | "json" | "msgpack" | "text" | "fields" | "binary";

/** An entry with its kind, by which a viewer is selected. */
export interface Content {
  readonly entry: PulledEntry;
  readonly kind: Kind;
  /** Metadata of the stream. */
  readonly meta: unknown;
}

/**
 * Describes an entry: by its declared content type if the payload is of that type, else by its bytes.
 *
 * @param meta the stream's metadata, which may declare a content type or an audio format
 */
export function contentOf(entry: PulledEntry, meta?: unknown): Content {
  return { entry, meta, kind: kindOf(entry, meta) };
}

function kindOf(entry: PulledEntry, meta: unknown): Kind {
  const { data, fields } = entry;
  if (data.length === 0) return fields === undefined ? "text" : "fields";
  const declared = kindOfType(declaredType(entry, meta), entry, meta);
  if (declared !== undefined) return declared;
  const guessed = guessType(data);
  // Samples may happen to be valid MessagePack; the metadata states that they are samples.
  if (guessed === "application/msgpack" && pcmOfMeta(meta) !== undefined) return "audio";
  const detected = kindOfType(guessed, entry, meta);
  if (detected !== undefined) return detected;
  return pcmOfMeta(meta) !== undefined || looksLikeSound(data) ? "audio" : "binary";
}

/** Returns the content type that the entry's field `content-type`, or else the stream's metadata, declares. */
function declaredType({ fields }: PulledEntry, meta: unknown): string | undefined {
  const field = fields?.get("content-type");
  const own = field instanceof Uint8Array ? parseMediaType(new TextDecoder().decode(field)) : undefined;
  return own ?? readDeclaration(meta).declaration.contentType;
}

/** Returns the declared content type without its parameters, in lower case; undefined if there is none. */
export function declaredEssence(entry: PulledEntry, meta: unknown): string | undefined {
  const type = declaredType(entry, meta);
  return type === undefined ? undefined : essenceOf(type);
}

/** Returns the kind for a content type; undefined if there is none, or the payload is not of that type. */
function kindOfType(type: string | undefined, entry: PulledEntry, meta: unknown): Kind | undefined {
  const essence = type === undefined ? "" : essenceOf(type);
  if (essence.startsWith("image/")) return imageTypeOf(entry.data) === undefined ? undefined : "image";
  if (codecOfType(essence) !== undefined) return beginsFrame(entry.data) ? "video" : undefined;
  if (essence.startsWith("audio/"))
    return readWav(entry.data) === undefined && pcmOfMeta(meta) === undefined ? undefined : "audio";
  if (/^application\/(.*\+)?json$/.test(essence))
    return parsedOf(entry, "json") === undefined ? undefined : "json";
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

/** Largest payload that is parsed, bytes. A larger one would block the page. */
const MAX_PARSED = 4e6;

/** Parses the payload; undefined if it is not valid in that format, or too large. */
export function parsedOf(entry: PulledEntry, form: "json" | "msgpack"): unknown {
  if (entry.data.length > MAX_PARSED) return undefined;
  try {
    return form === "json" ? entry.json() : entry.value("application/msgpack");
  } catch {
    return undefined;
  }
}

/** Whether the first byte is one of a MessagePack list or map. */
const beginsMsgpack = ([byte = 0]: Uint8Array): boolean =>
  (byte >= 0x80 && byte < 0xa0) || (byte >= 0xdc && byte < 0xe0);

/**
 * Returns the value of an entry: that of a JSON or MessagePack payload, or else an object of its fields. Fields that are
 * numbers or JSON words have their value. Undefined for another payload.
 */
export function entryValue(entry: PulledEntry): unknown {
  if (entry.data.length > 0)
    return beginsMsgpack(entry.data) ? parsedOf(entry, "msgpack") : parsedOf(entry, "json");
  if (entry.fields === undefined) return undefined;
  return Object.fromEntries(
    [...entry.fields].map(([name, value]) => [
      name,
      value instanceof Uint8Array ? fieldOf(value) : value.map(fieldOf),
    ]),
  );
}

function fieldOf(bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  if (isNumber(text)) return Number(text);
  return text === "true" ? true : text === "false" ? false : text;
}

const isNumber = (text: string): boolean =>
  text.length <= 32 && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);

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

/** Limits of the search for members: depth and count. */
const MAX_DEPTH = 3;
const MAX_MEMBERS = 64;

/** A member of a value that is not an object: a cell of a table, a line of a plot. */
export type Scalar = string | number | boolean;

/** Returns the scalar members of an entry's value by path, such as `acc.x`. A bare value has the path `value`. */
export const scalarsOf = remembered((entry): ReadonlyMap<string, Scalar> => {
  const found = new Map<string, Scalar>();
  collect(entryValue(entry), "", 0, found);
  return found;
});

/** Returns the numbers of an entry's value by path. */
export const numbersOf = remembered((entry): ReadonlyMap<string, number> => {
  const found = new Map<string, number>();
  for (const [path, value] of scalarsOf(entry)) if (typeof value === "number") found.set(path, value);
  return found;
});

function collect(value: unknown, path: string, depth: number, found: Map<string, Scalar>): void {
  if (found.size >= MAX_MEMBERS) return;
  const scalar = typeof value === "bigint" ? Number(value) : value;
  if (typeof scalar === "number" || typeof scalar === "string" || typeof scalar === "boolean")
    found.set(path === "" ? "value" : path, scalar);
  else if (isObject(scalar) && !(scalar instanceof Uint8Array) && depth < MAX_DEPTH)
    for (const [name, member] of Object.entries(scalar as object)) {
      collect(member, path === "" ? name : `${path}.${name}`, depth + 1, found);
      if (found.size >= MAX_MEMBERS) return;
    }
}
