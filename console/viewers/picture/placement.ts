/** Position, scale and rotation of a picture in its pane: fitted, or zoomed and moved by the user. */
import type { Turns } from "../../workspace/turns.ts";
import type { PictureSize } from "./picture-size.ts";

/** Scale in CSS pixels per pixel of the picture, and the position of the top left corner of the turned picture in the pane. */
export interface Placement {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

/** Limits of the scale, as multiples of the fitted scale. */
const MAX_ZOOM = 40;
const MIN_ZOOM = 1;
/** Largest scale at which a small picture is fitted. */
const MAX_FIT = 8;

/** Returns the placement at which the whole picture is as large as possible, in the middle. */
export function fitted(picture: PictureSize, pane: PictureSize): Placement {
  const scale = Math.min(pane.width / picture.width, pane.height / picture.height, MAX_FIT) || 1;
  return {
    scale,
    x: (pane.width - picture.width * scale) / 2,
    y: (pane.height - picture.height * scale) / 2,
  };
}

/** Returns the placement after a zoom that keeps the point under the pointer where it is. */
export function zoomed(
  before: Placement,
  factor: number,
  [x, y]: readonly [number, number],
  picture: PictureSize,
  pane: PictureSize,
): Placement | undefined {
  const fit = fitted(picture, pane);
  const scale = Math.min(fit.scale * MAX_ZOOM, before.scale * factor);
  if (scale <= fit.scale * MIN_ZOOM) return undefined;
  const ratio = scale / before.scale;
  return { scale, x: x - (x - before.x) * ratio, y: y - (y - before.y) * ratio };
}

/** Returns the size of a picture after it was turned. */
export const turnedSize = ({ width, height }: PictureSize, turns: Turns): PictureSize =>
  turns % 2 === 0 ? { width, height } : { width: height, height: width };

/** Returns where a point of a picture is after it was turned. @param size before the turn */
export function turnedPoint(
  [x, y]: readonly [number, number],
  { width, height }: PictureSize,
  turns: Turns,
): readonly [number, number] {
  switch (turns) {
    case 0:
      return [x, y];
    case 1:
      return [height - y, x];
    case 2:
      return [width - x, height - y];
    case 3:
      return [y, width - x];
  }
}
