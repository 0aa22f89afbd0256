/**
 * The test picture of `push-image`: a scrolling background and a circling disc make motion and skipped frames visible.
 * Noise keeps two frames from compressing to the same bytes.
 */
import type { Shape } from "./shape.ts";

/** Draws frames of one size. */
export interface Picture {
  /**
   * Draws a frame.
   *
   * @param frame its number, from 0
   * @returns rows of pixels with interleaved channels, in a buffer that each call reuses
   */
  draw(frame: number): Uint8Array;
}

/** Amplitude of the noise, steps of brightness. */
const NOISE_STEPS = 12;
/** Length of the noise pattern: a prime, so that the pattern does not align with the rows. */
const NOISE_LENGTH = 65_521;
/** Frames per revolution of the disc. */
const FRAMES_PER_REVOLUTION = 120;
/** Pixels that the background scrolls per frame. */
const SCROLL = 3;

/** Creates a picture. @param random returns a number from 0 to below 1, as `Math.random` does */
export function createPicture({ height, width, channels }: Shape, random: () => number): Picture {
  const pixels = new Uint8Array(height * width * channels);
  const noise = Uint8Array.from({ length: NOISE_LENGTH }, () => Math.floor(random() * NOISE_STEPS));
  const radius = Math.max(1, Math.min(height, width) / 8);

  return {
    draw(frame) {
      const angle = (2 * Math.PI * frame) / FRAMES_PER_REVOLUTION;
      const centreX = width / 2 + (width / 2 - radius) * Math.cos(angle);
      const centreY = height / 2 + (height / 2 - radius) * Math.sin(angle);
      let grain = Math.floor(random() * NOISE_LENGTH);
      let at = 0;
      for (let y = 0; y < height; y++) {
        const dy = y - centreY;
        const half = dy * dy < radius * radius ? Math.sqrt(radius * radius - dy * dy) : -1;
        const shade = (y * 120) / height;
        for (let x = 0; x < width; x++) {
          const inDisc = Math.abs(x - centreX) <= half;
          const band = (x + y + frame * SCROLL) & 127;
          for (let channel = 0; channel < channels; channel++) {
            const base = inDisc
              ? 235 - channel * 90
              : 30 + shade * (1 - channel * 0.3) + (band * (channel + 1)) / 4;
            pixels[at++] = base + (noise[grain] ?? 0);
            if (++grain === NOISE_LENGTH) grain = 0;
          }
        }
      }
      return pixels;
    },
  };
}
