/** Formats a payload as one line of a terminal. */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Number of bytes printed of a binary payload. */
const SHOWN_BYTES = 24;

/**
 * Formats text with control characters escaped, so that it stays on one line and cannot send escape sequences to the
 * terminal. Other payloads are printed as their first bytes in hex and their length.
 */
export function payloadText(data: Uint8Array): string {
  try {
    return oneLine(strict.decode(data));
  } catch {
    const hex = Array.from(data.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
    return `${hex.join(" ")}${data.length > SHOWN_BYTES ? " …" : ""} (${data.length} bytes)`;
  }
}

/** Escapes control characters (C0, DEL, C1) and the Unicode line and paragraph separators. */
export const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => ESCAPES[char] ?? `\\u${hex4(char)}`);

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\t" };

const hex4 = (char: string): string => (char.codePointAt(0) ?? 0).toString(16).padStart(4, "0");
