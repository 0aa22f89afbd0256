/** Control characters in payloads. It is a module of its own, so that the client's bundle does not have the tables of `detection.ts`. */

/**
 * Whether bytes contain control characters other than white space. Text has none; binary data that is valid UTF-8 by chance
 * usually does.
 */
export function hasControls(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x09 || (byte > 0x0d && byte < 0x20)) return true;
  }
  return false;
}
