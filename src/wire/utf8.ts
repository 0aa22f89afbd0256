/** UTF-8 conversions. */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Decodes UTF-8; returns undefined if the bytes are not valid UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Decodes UTF-8, with U+FFFD for invalid bytes. */
export const lossyTextOf = (bytes: Uint8Array): string => lossy.decode(bytes);

/** Encodes text as UTF-8. */
export const bytesOfText = (text: string): Uint8Array => encoder.encode(text);

/** Bytes that are checked between two yields. */
const STEP_BYTES = 128 * 1024;

/** Whether bytes are UTF-8, checked in steps. */
export function* isUtf8InSteps(bytes: Uint8Array): Generator<void, boolean> {
  const checker = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for (let from = 0; from < bytes.length; from += STEP_BYTES) {
      checker.decode(bytes.subarray(from, from + STEP_BYTES), { stream: true });
      yield;
    }
    checker.decode();
    return true;
  } catch {
    return false;
  }
}
