/**
 * Detection of the content type of a payload by its bytes. The gateway, the client, the console and the command line use
 * this module, so that a payload has the same type everywhere. Every check is bounded. A declared type takes
 * precedence (`declaration.ts`).
 */
import { hasControls } from "./control-characters.ts";

/** Media types of images that browsers display. */
export type ImageType = "image/jpeg" | "image/png" | "image/webp" | "image/gif";

/** Content type that the bytes of a payload can prove or suggest. */
export type GuessedType = ImageType | "audio/wav" | "application/json" | "application/msgpack" | "text/plain";

/** File name extensions by detected type. */
const EXTENSIONS: Readonly<Record<GuessedType, string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "image/gif": "gif",
  "audio/wav": "wav",
  "application/json": "json",
  "application/msgpack": "msgpack",
  "text/plain": "txt",
};

/** Returns the file name extension of a payload, by its bytes; `bin` for unknown data. */
export function extensionOf(data: Uint8Array): string {
  const type = guessType(data);
  return type === undefined ? "bin" : EXTENSIONS[type];
}

interface Signature<T> {
  readonly type: T;
  /** Bytes at their offsets; all must match. */
  readonly marks: readonly (readonly [offset: number, bytes: readonly number[]])[];
}

/** "RIFF", before four bytes of length and the kind of the file. */
const RIFF = [0, [0x52, 0x49, 0x46, 0x46]] as const;

/** Image signatures (WHATWG MIME Sniffing, section 6.1). */
const IMAGES: readonly Signature<ImageType>[] = [
  { type: "image/jpeg", marks: [[0, [0xff, 0xd8, 0xff]]] },
  { type: "image/png", marks: [[0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]]] },
  // "WEBP".
  { type: "image/webp", marks: [RIFF, [8, [0x57, 0x45, 0x42, 0x50]]] },
  // "GIF8", of "GIF87a" and "GIF89a".
  { type: "image/gif", marks: [[0, [0x47, 0x49, 0x46, 0x38]]] },
];

/** Audio signatures (WHATWG MIME Sniffing, section 6.2). */
const SOUNDS: readonly Signature<"audio/wav">[] = [
  // "WAVE".
  { type: "audio/wav", marks: [RIFF, [8, [0x57, 0x41, 0x56, 0x45]]] },
];

const SIGNATURES: readonly Signature<ImageType | "audio/wav">[] = [...IMAGES, ...SOUNDS];

function signatureOf<T>(data: Uint8Array, signatures: readonly Signature<T>[]): T | undefined {
  for (const { type, marks } of signatures) if (hasMarks(data, marks)) return type;
  return undefined;
}

// Loops instead of callbacks: recordings and exports examine every payload of streams without a declared type.
function hasMarks(data: Uint8Array, marks: Signature<unknown>["marks"]): boolean {
  for (const [offset, bytes] of marks)
    for (let i = 0; i < bytes.length; i++) if (data[offset + i] !== bytes[i]) return false;
  return true;
}

/** Returns the media type of an image, or undefined if the payload has no known image signature. */
export const imageTypeOf = (data: Uint8Array): ImageType | undefined => signatureOf(data, IMAGES);

/** Bytes at the start of a payload that are checked for text. */
const TEXT_BYTES = 64 * 1024;

/** Decoder of whole texts. */
const WHOLE_TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Guesses the content type of a payload: an image or sound by its signature, JSON, text, or a MessagePack list or map.
 *
 * @returns undefined if the payload is empty, or none of these
 */
export function guessType(data: Uint8Array): GuessedType | undefined {
  if (data.length === 0) return undefined;
  const signed = signatureOf(data, SIGNATURES);
  if (signed !== undefined) return signed;
  const text = textStartOf(data);
  if (text !== undefined) return isJson(text, data) ? "application/json" : "text/plain";
  return isMsgpack(data) ? "application/msgpack" : undefined;
}

/** Returns the first 64 KB as text; undefined if they are not text. */
function textStartOf(data: Uint8Array): string | undefined {
  const start = data.subarray(0, TEXT_BYTES);
  if (hasControls(start)) return undefined;
  try {
    if (data.length <= TEXT_BYTES) return WHOLE_TEXT.decode(start);
    // With `stream`, a character that is cut off at the end is not an error.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(start, { stream: true });
  } catch {
    return undefined;
  }
}

/** Start of every JSON text. Most other texts are recognized by it: a parser's exception takes longer than the parsing. */
const JSON_START = /^[\t\n\r ]*[tfn"[{\-\d]/;

/** Parses a short text. A long one is JSON if it begins and ends like a list or an object: parsing it would take too long. */
function isJson(text: string, data: Uint8Array): boolean {
  if (data.length > TEXT_BYTES) {
    const [first] = text.trimStart();
    const last = data[data.length - 1 - trailingSpaces(data)];
    return (first === "{" && last === 0x7d) || (first === "[" && last === 0x5d);
  }
  if (!JSON_START.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Maximum number of trailing white space characters of a long JSON payload. */
const MAX_TRAILING_SPACES = 64;

function trailingSpaces(data: Uint8Array): number {
  let count = 0;
  while (count < MAX_TRAILING_SPACES && (data[data.length - 1 - count] ?? 0) <= 0x20) count++;
  return count;
}

/** Values of a MessagePack payload that are checked. */
const MAX_VALUES = 10_000;

/** Payload bytes after the first byte of a MessagePack value, by first byte from 0xc0; a list or map is not among them. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  ...{ 192: 0, 194: 0, 195: 0, 202: 4, 203: 8, 204: 1, 205: 2, 206: 4, 207: 8 },
  ...{ 208: 1, 209: 2, 210: 4, 211: 8, 212: 2, 213: 3, 214: 5, 215: 9, 216: 17 },
};
/** Width of the length of a value, and further bytes (the type of an extension), by first byte. */
const LENGTHS: Readonly<Record<number, readonly [width: 1 | 2 | 4, more: number]>> = {
  ...{ 196: [1, 0], 197: [2, 0], 198: [4, 0], 199: [1, 1], 200: [2, 1], 201: [4, 1] },
  ...{ 217: [1, 0], 218: [2, 0], 219: [4, 0] },
};

/**
 * Whether a payload is exactly one MessagePack list or map. A bare scalar does not count: every single byte up to 127 would
 * be one. Of a payload with very many values only the first 10,000 are checked.
 */
function isMsgpack(data: Uint8Array): boolean {
  const first = data[0] ?? 0;
  if (!((first >= 0x80 && first < 0xa0) || (first >= 0xdc && first <= 0xdf))) return false;
  let at = 0;
  const unsigned = (width: number): number => {
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + (data[at + i] ?? 0);
    at += width;
    return value;
  };
  let missing = 1;
  for (let values = 0; missing > 0 && values < MAX_VALUES; values++) {
    // Each missing value takes at least one byte.
    if (missing > data.length - at) return false;
    const type = unsigned(1);
    const [width = 0, more = 0] = LENGTHS[type] ?? [];
    missing--;
    if (type >= 0x80 && type < 0x90) missing += 2 * (type & 0x0f);
    else if (type >= 0x90 && type < 0xa0) missing += type & 0x0f;
    else if (type >= 0xa0 && type < 0xc0) at += type & 0x1f;
    else if (type === 0xdc || type === 0xdd) missing += unsigned(type === 0xdc ? 2 : 4);
    else if (type === 0xde || type === 0xdf) missing += 2 * unsigned(type === 0xde ? 2 : 4);
    else if (type >= 0xc0 && type < 0xe0) {
      const bytes = width > 0 ? unsigned(width) + more : FIXED_BYTES[type];
      if (bytes === undefined) return false;
      at += bytes;
    }
  }
  return missing > 0 ? at < data.length : at === data.length;
}
