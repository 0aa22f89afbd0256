/** What a payload is by its first bytes, and how large a JPEG is, without decoding it. */
import { type ImageType, imageTypeOf } from "../src/domain/content.ts";

/** A kind of picture, by its usual file extension; `bin` is anything else. */
export type ImageKind = "jpg" | "png" | "gif" | "webp" | "bin";

/** Height and width, pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

const KINDS: Readonly<Record<ImageType, ImageKind>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
};

/** The kind of a payload. */
export function imageKind(data: Uint8Array): ImageKind {
  const type = imageTypeOf(data);
  return type === undefined ? "bin" : KINDS[type];
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
