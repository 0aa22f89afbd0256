/** JPEG encoder. It uses `sharp`, an optional native library; all other commands work without it. */
import type { Shape } from "./shape.ts";

/** Encodes one frame. The pixels must not change before it resolves. */
export type EncodeJpeg = (pixels: Uint8Array) => Promise<Uint8Array>;

/** JPEG quality, 1 to 100. */
const QUALITY = 80;

/** Loads the library. @throws Error that names the command to install it */
export async function createJpegEncoder({ height, width, channels }: Shape): Promise<EncodeJpeg> {
  const sharp = await loadSharp();
  // By default sharp converts one channel to three.
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
      `encoding images requires the package "sharp"; install it with: npm install sharp (${reason})`,
      {
        cause: error,
      },
    );
  }
}
