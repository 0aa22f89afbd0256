/** Base64 (RFC 4648, section 4) of bytes, where neither Node nor a browser may be assumed. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Bytes turned at once: a multiple of 3, and few enough for `String.fromCharCode`'s arguments. */
const CHUNK_BYTES = 3 * 4096;

const codes = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
const values = new Int8Array(128).fill(-1);
for (let i = 0; i < codes.length; i++) values[codes[i] ?? 0] = i;

/** Encodes with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    const to = Math.min(from + CHUNK_BYTES, bytes.length);
    const out = new Uint8Array(Math.ceil((to - from) / 3) * 4);
    let at = 0;
    for (let i = from; i < to; i += 3) {
      const bits = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
      out[at++] = codes[bits >> 18] ?? 0;
      out[at++] = codes[(bits >> 12) & 63] ?? 0;
      out[at++] = i + 1 < to ? (codes[(bits >> 6) & 63] ?? 0) : 61;
      out[at++] = i + 2 < to ? (codes[bits & 63] ?? 0) : 61;
    }
    parts.push(String.fromCharCode(...out));
  }
  return parts.join("");
}

/** Decodes, with or without padding. @returns undefined where the text is no base64 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const length = text.endsWith("==") ? text.length - 2 : text.endsWith("=") ? text.length - 1 : text.length;
  if (length % 4 === 1 || (length !== text.length && text.length % 4 !== 0)) return undefined;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? (values[code] ?? -1) : -1;
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at++] = (bits >> held) & 0xff;
    }
  }
  return bytes;
}
