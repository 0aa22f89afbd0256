/** Base64 (RFC 4648, section 4) by the codecs of Node. The clients do not need it. */

/** Code of `=`. */
const PADDING = 61;

/** The part of Node's `Buffer` used here. It encodes 5 to 15 times faster than `btoa`. */
interface NativeBuffer {
  from(memory: ArrayBufferLike, offset: number, length: number): { toString(encoding: "base64"): string };
}
const { Buffer: native } = globalThis as unknown as { readonly Buffer: NativeBuffer };

/** Encodes with padding. */
export const encodeBase64 = (bytes: Uint8Array): string =>
  native.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");

/** Decodes, with or without padding. @returns undefined if the text is not base64 */
export function decodeBase64(text: string): Uint8Array | undefined {
  // `atob` ignores whitespace, which the format does not have.
  if (/\s/.test(text)) return undefined;
  let decoded: string;
  try {
    decoded = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(decoded.length);
  for (let i = 0; i < decoded.length; i++) bytes[i] = decoded.charCodeAt(i);
  return bytes;
}

/** Characters that are decoded between two yields: a multiple of 4. */
const STEP_CHARACTERS = 64 * 1024;

/** Each byte becomes one character. Those outside ASCII are not base64 digits. */
const latin1 = new TextDecoder("latin1");

/**
 * Decodes a long base64 text, given as its character codes, in steps.
 *
 * @returns undefined if the text is not base64
 */
export function* decodeBase64Steps(text: Uint8Array): Generator<void, Uint8Array | undefined> {
  const bytes = new Uint8Array(Math.ceil((text.length * 3) / 4));
  let filled = 0;
  for (let from = 0; from < text.length; from += STEP_CHARACTERS) {
    const to = Math.min(from + STEP_CHARACTERS, text.length);
    // Padding is valid at the end only.
    if (to < text.length && text[to - 1] === PADDING) return undefined;
    const piece = decodeBase64(latin1.decode(text.subarray(from, to)));
    if (piece === undefined) return undefined;
    bytes.set(piece, filled);
    filled += piece.length;
    yield;
  }
  return bytes.subarray(0, filled);
}
