/** Position and scale of an image in its pane: fitted, or zoomed and moved by the user. */
import type { ImageSize } from "./image-size.ts";

/** Scale in CSS pixels per pixel of the image, and the position of the image's top left corner in the pane. */
export interface Placement {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** Limits of the scale, as multiples of the fitted scale. */
const MAX_ZOOM = 40;
const MIN_ZOOM = 1;
/** Largest scale at which a small image is fitted. */
const MAX_FIT = 8;

/** Returns the placement at which the whole image is as large as possible, in the middle. */
export function fitted(image: ImageSize, pane: ImageSize): Placement {
  const scale = Math.min(pane.width / image.width, pane.height / image.height, MAX_FIT) || 1;
  return { scale, x: (pane.width - image.width * scale) / 2, y: (pane.height - image.height * scale) / 2 };
}

/** Returns the placement after a zoom that keeps the point under the pointer where it is. */
export function zoomed(
  before: Placement,
  factor: number,
  [x, y]: readonly [number, number],
  image: ImageSize,
  pane: ImageSize,
): Placement | undefined {
  const fit = fitted(image, pane);
  const scale = Math.min(fit.scale * MAX_ZOOM, before.scale * factor);
  if (scale <= fit.scale * MIN_ZOOM) return undefined;
  const ratio = scale / before.scale;
  return { scale, x: x - (x - before.x) * ratio, y: y - (y - before.y) * ratio };
}
