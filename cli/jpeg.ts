/** Making JPEGs by `sharp`, a native library that is optional: everything else works where it could not be installed. */
import type { Shape } from "./shape.ts";

/** Encodes one frame. The pixels must not change until it resolves. */
export type EncodeJpeg = (pixels: Uint8Array) => Promise<Uint8Array>;

/** A usual quality for camera pictures, out of 100. */
const QUALITY = 80;

/** Loads the library. @throws Error with a sentence that says how to get it */
export async function createJpegEncoder({ height, width, channels }: Shape): Promise<EncodeJpeg> {
  const sharp = await loadSharp();
  // Left to itself, sharp makes three channels of one.
  const colours = channels === 1 ? "b-w" : "srgb";
  return (pixels) =>
    sharp(pixels, { raw: { height, width, channels } })
      .toColourspace(colours)
      .jpeg({ quality: QUALITY })
      .toBuffer();
}

async function loadSharp() {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new Error(
      `pictures are encoded by "sharp", which is not installed; npm install sharp (${reason})`,
      {
        cause: error,
      },
    );
  }
}
