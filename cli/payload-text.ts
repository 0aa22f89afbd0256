/** A payload as one line of a terminal. */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Bytes shown of a payload that is no text. */
const SHOWN_BYTES = 24;

/**
 * Text as it is, with control characters escaped, so that an entry stays on its line and cannot move the cursor or
 * colour the screen; anything else as its first bytes in hex and its length.
 */
export function payloadText(data: Uint8Array): string {
  try {
    return oneLine(strict.decode(data));
  } catch {
    const hex = Array.from(data.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
    return `${hex.join(" ")}${data.length > SHOWN_BYTES ? " …" : ""} (${data.length} bytes)`;
  }
}

/** Escapes the control characters of a text, C0, DEL and C1, and the two separators that end a line. */
export const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, (char) => ESCAPES[char] ?? `\\u${hex4(char)}`);

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\t" };

const hex4 = (char: string): string => (char.codePointAt(0) ?? 0).toString(16).padStart(4, "0");
