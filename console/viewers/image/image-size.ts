/** Size of an image by its header, read before it is decoded: a small file can decode to gigabytes. */
import type { PictureSize } from "../picture/picture-size.ts";

/** Returns the size that the header of a JPEG, PNG, GIF or WebP declares; undefined if it has none, or is damaged. */
export function imageSizeOf(data: Uint8Array): PictureSize | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  try {
    if (data[0] === 0xff && data[1] === 0xd8) return jpegSize(view);
    if (data[0] === 0x89) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (data[0] === 0x47) return gifSize(view);
    if (data[0] === 0x52) return webpSize(view);
  } catch (error) {
    // The header is cut.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

/** Reads the segments up to the frame header (ITU-T T.81, B.2.2). */
function jpegSize(view: DataView): PictureSize | undefined {
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    // Fill bytes, and markers without a length.
    if (marker === 0xff) at += 1;
    else if (marker >= 0xd0 && marker <= 0xd9) at += 2;
    else at += 2 + view.getUint16(at + 2);
  }
}

/** Reads the blocks up to the first picture: browsers enlarge the image to it. */
function gifSize(view: DataView): PictureSize | undefined {
  const flags = view.getUint8(10);
  let at = 13 + ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  for (;;) {
    const block = view.getUint8(at);
    if (block === 0x2c) {
      const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true));
      return {
        width: Math.max(view.getUint16(6, true), (left ?? 0) + (width ?? 0)),
        height: Math.max(view.getUint16(8, true), (top ?? 0) + (height ?? 0)),
      };
    }
    if (block !== 0x21) return undefined;
    // An extension: blocks of data, of which the last one is empty.
    at += 2;
    while (view.getUint8(at) !== 0) at += view.getUint8(at) + 1;
    at += 1;
  }
}

/** Reads the first chunk: lossy, lossless or extended. */
function webpSize(view: DataView): PictureSize | undefined {
  const kind = view.getUint8(15);
  if (kind === 0x20)
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (kind === 0x4c) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  const uint24 = (at: number) => view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000;
  return { width: uint24(24) + 1, height: uint24(27) + 1 };
}
