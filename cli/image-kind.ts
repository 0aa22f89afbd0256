/** What a payload is by its first bytes, and how large a JPEG is, without decoding it. */

/** A kind of picture, by its usual file extension; `bin` is anything else. */
export type ImageKind = "jpg" | "png" | "gif" | "webp" | "bin";

/** Height and width, pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

const startsWith = (data: Uint8Array, bytes: readonly number[], at = 0): boolean =>
  bytes.every((byte, index) => data[at + index] === byte);

/** The kind of a payload. */
export function imageKind(data: Uint8Array): ImageKind {
  if (startsWith(data, [0xff, 0xd8, 0xff])) return "jpg";
  if (startsWith(data, [0x89, 0x50, 0x4e, 0x47])) return "png";
  if (startsWith(data, [0x47, 0x49, 0x46, 0x38])) return "gif";
  // "RIFF", four bytes of length, "WEBP".
  if (startsWith(data, [0x52, 0x49, 0x46, 0x46]) && startsWith(data, [0x57, 0x45, 0x42, 0x50], 8))
    return "webp";
  return "bin";
}

/**
 * The size of a JPEG, from its frame header (ITU T.81, B.1.1.4 and B.2.2: after `FF D8` come segments of `FF`, marker,
 * 16-bit length; in a start-of-frame segment precision, height and width follow).
 *
 * @returns undefined where the payload is no JPEG or is cut short
 */
export function jpegSize(data: Uint8Array): ImageSize | undefined {
  if (imageKind(data) !== "jpg") return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 2;
  while (at + 9 <= data.length && data[at] === 0xff) {
    const marker = view.getUint8(at + 1);
    // A marker may have any number of fill bytes before it.
    if (marker === 0xff) {
      at++;
    } else if (isStartOfFrame(marker)) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    } else {
      at += 2 + view.getUint16(at + 2);
    }
  }
  return undefined;
}

/** C0 to CF are start-of-frame markers, but for C4 (Huffman tables), C8 (reserved) and CC (arithmetic conditioning). */
const isStartOfFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
