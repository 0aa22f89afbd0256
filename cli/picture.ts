/**
 * The moving picture that `push-image` sends: a background that scrolls and a disc that goes round, so that motion and
 * skipped frames are seen, under a little noise, so that no two frames compress to the same bytes.
 */
import type { Shape } from "./shape.ts";

/** Draws frames of one size. */
export interface Picture {
  /**
   * Draws a frame.
   *
   * @param frame its number, from 0
   * @returns rows of pixels, channels together; the same memory at each call
   */
  draw(frame: number): Uint8Array;
}

/** Noise is added by so many steps of brightness at most. */
const NOISE_STEPS = 12;
/** Prime, so that the pattern of the noise does not line up with the rows. */
const NOISE_LENGTH = 65_521;
/** Frames in which the disc goes round once. */
const FRAMES_A_ROUND = 120;
/** Pixels that the background moves a frame. */
const SCROLL = 3;

/** Makes a picture. @param random from 0 to below 1, as `Math.random` */
export function createPicture({ height, width, channels }: Shape, random: () => number): Picture {
  const pixels = new Uint8Array(height * width * channels);
  const noise = Uint8Array.from({ length: NOISE_LENGTH }, () => Math.floor(random() * NOISE_STEPS));
  const radius = Math.max(1, Math.min(height, width) / 8);

  return {
    draw(frame) {
      const angle = (2 * Math.PI * frame) / FRAMES_A_ROUND;
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
