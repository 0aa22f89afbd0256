/**
 * Shapes that a detector reports for a picture: boxes, polygons and keypoints, with a label and a score. Detectors differ in
 * the names of members; the usual ones are accepted. Coordinates are pixels of the picture, or parts of its size if none is over 1.
 */
import type { PulledEntry } from "../../../client/browser.ts";
import { isObject } from "../../../client/gateway/graphql.ts";
import type { PictureSize } from "./picture-size.ts";

/** A point in pixels of the picture. */
export type Point = readonly [x: number, y: number];

/** A shape: a closed line through its points, or single points. */
export interface Shape {
  readonly kind: "line" | "points";
  readonly points: readonly Point[];
  readonly label: string;
}

/** Members that have the list of shapes. */
const LISTS = ["boxes", "detections", "objects", "annotations", "predictions", "results", "shapes", "items"];
const MAX_SHAPES = 500;
const MAX_POINTS = 2000;
/** Corners may lie slightly outside of a picture. */
const MAX_PART = 1.5;

type Members = Readonly<Record<string, unknown>>;

/** Returns the shapes of a value. */
export function shapesOf(value: unknown, size: PictureSize): readonly Shape[] {
  const list = listOf(value).slice(0, MAX_SHAPES).flatMap(shapesOfObject);
  const isRelative = list.every(({ points }) => points.every(([x, y]) => x <= MAX_PART && y <= MAX_PART));
  if (!isRelative) return list;
  return list.map((shape) => ({
    ...shape,
    points: shape.points.map(([x, y]): Point => [x * size.width, y * size.height]),
  }));
}

/** Returns the entry for a picture: the one with its id, else the nearest one in time. @param toleranceMs maximum difference */
export function entryFor(
  entries: readonly PulledEntry[],
  { id, timeMs }: Pick<PulledEntry, "id" | "timeMs">,
  toleranceMs: number,
): PulledEntry | undefined {
  let nearest: PulledEntry | undefined;
  let min = toleranceMs;
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i];
    if (entry === undefined || entry.timeMs < timeMs - toleranceMs) break;
    if (entry.id === id) return entry;
    const distance = Math.abs(entry.timeMs - timeMs);
    if (distance < min || (distance === min && nearest === undefined)) {
      nearest = entry;
      min = distance;
    }
  }
  return nearest;
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (!isObject(value)) return [];
  const list = LISTS.map((name) => value[name]).find(Array.isArray);
  return list ?? [value];
}

function shapesOfObject(value: unknown): readonly Shape[] {
  if (!isObject(value)) return [];
  const label = labelOf(value);
  const lines = [boxOf(value), pointsOf(value.polygon ?? value.segmentation)].filter(
    (points) => points !== undefined && points.length > 1,
  );
  const keypoints = pointsOf(value.keypoints ?? value.points ?? value.landmarks);
  return [
    ...lines.map((points = []) => ({ kind: "line" as const, points, label })),
    ...(keypoints === undefined ? [] : [{ kind: "points" as const, points: keypoints, label }]),
  ];
}

/** Returns the corners of a box: `x, y, w, h`, a list of them in `bbox`, or two corners in `xyxy`. */
function boxOf(value: Members): readonly Point[] | undefined {
  const corners = numbersOf(value.xyxy);
  if (corners !== undefined) return corners.length === 4 ? cornersOf(corners) : undefined;
  const box =
    numbersOf(value.bbox ?? value.xywh ?? value.box) ??
    numbersOf([value.x, value.y, value.w ?? value.width, value.h ?? value.height]);
  if (box?.length !== 4) {
    const two = numbersOf([value.x1, value.y1, value.x2, value.y2]);
    return two === undefined ? undefined : cornersOf(two);
  }
  const [x = 0, y = 0, width = 0, height = 0] = box;
  return cornersOf([x, y, x + width, y + height]);
}

const cornersOf = ([left = 0, top = 0, right = 0, bottom = 0]: readonly number[]): readonly Point[] => [
  [left, top],
  [right, top],
  [right, bottom],
  [left, bottom],
];

/** Returns the points of a list of pairs, of `{x, y}`, or of alternating numbers. */
function pointsOf(value: unknown): readonly Point[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const points: Point[] = [];
  const flat = numbersOf(value);
  const pairs: readonly unknown[] =
    flat === undefined ? value : flat.map((_x, i) => flat.slice(i, i + 2)).filter((_pair, i) => i % 2 === 0);
  for (const pair of pairs.slice(0, MAX_POINTS)) {
    const [x, y] = Array.isArray(pair) ? pair : isObject(pair) ? [pair.x, pair.y] : [];
    if (Number.isFinite(x) && Number.isFinite(y)) points.push([x as number, y as number]);
  }
  return points;
}

function labelOf(value: Members): string {
  const name = [value.label, value.class, value.name, value.category].find(
    (one) => typeof one === "string" || typeof one === "number",
  );
  const score = [value.score, value.confidence, value.probability].find((one) => typeof one === "number");
  const parts = [
    name === undefined ? "" : String(name).slice(0, 60),
    score === undefined ? "" : score.toFixed(2),
  ];
  return parts.filter((part) => part !== "").join(" ");
}

const numbersOf = (value: unknown): readonly number[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((one) => Number.isFinite(one)) ? value : undefined;
