/** Projection of positions on a flat area, in metres around the middle of the track. */
import type { Path, Position } from "./positions.ts";

/** Metres per degree of latitude. */
const METRES_PER_DEGREE = 111_320;
/** Minimum width and height of the shown area, m: a device that stands still is not enlarged to its noise. */
const MIN_METRES = 10;
/** The same for poses, which are more precise than GPS. */
const MIN_POSE_METRES = 1;

/** A point in metres: `x` to the east, `y` to the north. */
export type Point = readonly [x: number, y: number];

/** A track in metres. */
export interface FlatTrack {
  readonly paths: readonly (readonly Point[])[];
  /** Width and height, m. */
  readonly width: number;
  readonly height: number;
}

/** Projects paths. The middle of the result is at 0, 0. Undefined without a position. */
export function flatten(paths: readonly Path[]): FlatTrack | undefined {
  const first = paths[0]?.[0];
  if (first === undefined) return undefined;
  // Relative to the first longitude, so that a track across 180° is not torn apart.
  const east = ({ longitude }: Position) => ((longitude - first.longitude + 540) % 360) - 180;
  let [south, north, west, max] = [first.latitude, first.latitude, 0, 0];
  for (const path of paths)
    for (const position of path) {
      south = Math.min(south, position.latitude);
      north = Math.max(north, position.latitude);
      west = Math.min(west, east(position));
      max = Math.max(max, east(position));
    }
  const middle = (south + north) / 2;
  const perLongitude = METRES_PER_DEGREE * Math.cos((middle * Math.PI) / 180);
  const pointOf = (position: Position): Point => [
    (east(position) - (west + max) / 2) * perLongitude,
    (position.latitude - middle) * METRES_PER_DEGREE,
  ];
  return {
    paths: paths.map((path) => path.map(pointOf)),
    width: Math.max(MIN_METRES, (max - west) * perLongitude),
    height: Math.max(MIN_METRES, (north - south) * METRES_PER_DEGREE),
  };
}

/** Moves paths that are in metres, so that their middle is at 0, 0. Undefined without a point. */
export function centred(paths: readonly (readonly Point[])[]): FlatTrack | undefined {
  const [first] = paths[0] ?? [];
  if (first === undefined) return undefined;
  let [left, right, bottom, top] = [first[0], first[0], first[1], first[1]];
  for (const [x, y] of paths.flat()) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    bottom = Math.min(bottom, y);
    top = Math.max(top, y);
  }
  const pointOf = ([x, y]: Point): Point => [x - (left + right) / 2, y - (bottom + top) / 2];
  return {
    paths: paths.map((path) => path.map(pointOf)),
    width: Math.max(MIN_POSE_METRES, right - left),
    height: Math.max(MIN_POSE_METRES, top - bottom),
  };
}

/** A scale bar: its length in metres and its text. */
export interface ScaleBar {
  readonly metres: number;
  readonly text: string;
}

/** Returns the longest scale bar of 1, 2 or 5 times a power of ten metres that is not longer than `maxMetres`. */
export function scaleBar(maxMetres: number): ScaleBar {
  const power = 10 ** Math.floor(Math.log10(maxMetres));
  const metres = ([5, 2, 1].find((factor) => factor * power <= maxMetres) ?? 1) * power;
  if (metres >= 1000) return { metres, text: `${metres / 1000} km` };
  return { metres, text: metres >= 1 ? `${metres} m` : `${Number((metres * 100).toPrecision(1))} cm` };
}

/** Formats a position: `52.01160° N, 4.35710° E`. */
export const positionText = ({ latitude, longitude }: Position): string =>
  `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? "S" : "N"}, ${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? "W" : "E"}`;
