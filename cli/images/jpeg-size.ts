/** Reads the size of a JPEG without decoding it. */
import { imageTypeOf } from "../../src/domain/content/detection.ts";

/** Height and width, pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/**
 * Reads the size of a JPEG from its frame header (ITU T.81, B.1.1.4 and B.2.2: after `FF D8` come segments of `FF`, marker,
 * 16-bit length; in a start-of-frame segment precision, height and width follow).
 *
 * @returns undefined if the payload is not a JPEG, or is truncated
 */
export function jpegSize(data: Uint8Array): ImageSize | undefined {
  if (imageTypeOf(data) !== "image/jpeg") return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 2;
  while (at + 9 <= data.length && data[at] === 0xff) {
    const marker = view.getUint8(at + 1);
    // Any number of fill bytes may precede a marker.
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

/** C0 to CF are start-of-frame markers, except C4 (Huffman tables), C8 (reserved) and CC (arithmetic conditioning). */
const isStartOfFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
