/** Draws the columns of a spectrogram: time to the right, frequency upwards, level as colour. */
import { BINS } from "./spectrum.ts";

/** Colours of the levels, from silence to full: lighter is louder, also without colour vision. */
const STOPS: readonly (readonly [red: number, green: number, blue: number])[] = [
  [0, 0, 4],
  [58, 15, 112],
  [140, 41, 129],
  [222, 73, 104],
  [254, 159, 109],
  [252, 253, 191],
];

/** Returns the colour of a level as bytes: red, green, blue and opacity. */
export function levelColour(level: number): readonly [number, number, number, number] {
  const at = (level / 255) * (STOPS.length - 1);
  const low = Math.min(STOPS.length - 2, Math.floor(at));
  const [from, to] = [STOPS[low] ?? [0, 0, 0], STOPS[low + 1] ?? [0, 0, 0]];
  const mix = (i: 0 | 1 | 2) => Math.round(from[i] + (to[i] - from[i]) * (at - low));
  return [mix(0), mix(1), mix(2), 255];
}

/** Colours by level, each as the four bytes of a pixel. */
const PALETTE = new Uint32Array(
  Uint8Array.from(Array.from({ length: 256 }, (_, level) => levelColour(level)).flat()).buffer,
);

/** Draws columns, the newest one at the right. @param width number of columns of the whole canvas */
export function drawSpectrogram(
  canvas: HTMLCanvasElement,
  columns: readonly Uint8Array[],
  width: number,
): void {
  canvas.width = width;
  canvas.height = BINS;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(width, BINS);
  const pixels = new Uint32Array(image.data.buffer);
  columns.forEach((column, i) => {
    const x = width - columns.length + i;
    for (let bin = 0; bin < BINS; bin++)
      pixels[(BINS - 1 - bin) * width + x] = PALETTE[column[bin] ?? 0] ?? 0;
  });
  context.putImageData(image, 0, 0);
}
