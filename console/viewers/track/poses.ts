/** Poses of a robot: a position in metres and a direction, by the usual names of their fields. */
import type { PulledEntry } from "../../../client/browser.ts";
import { numbersOf } from "../content.ts";
import { remembered } from "../remembered.ts";
import { pathsBy } from "./paths.ts";
import type { Point } from "./projection.ts";

/** A position in metres, `x` to the right and `y` up, and a direction. */
export interface Pose {
  readonly x: number;
  readonly y: number;
  /** Direction of the robot's x axis, radians counter-clockwise from the x axis of the position. */
  readonly yaw: number;
}

/** Objects that have the position: the record itself, or one of these names. */
const POSITIONS = /^$|(^|\.)(position|translation|pose)\.$/i;
const ORIENTATIONS = ["orientation", "rotation", "quaternion"];
/** Radians. A heading is not one of them: it is usually in degrees, clockwise from north. */
const YAWS = ["yaw", "theta"];

/** Returns the pose of an entry; undefined if it has none. */
export const poseOf = remembered((entry) => readPose(numbersOf(entry)));

/** A position alone is none: readings of a sensor have `x` and `y`, too. */
function readPose(numbers: ReadonlyMap<string, number>): Pose | undefined {
  for (const [path, x] of numbers) {
    const prefix = path.slice(0, -1);
    if (path !== `${prefix}x` || !POSITIONS.test(prefix)) continue;
    const y = numbers.get(`${prefix}y`);
    const yaw = yawOf(numbers, prefix);
    if (y !== undefined && yaw !== undefined) return { x, y, yaw };
  }
  return undefined;
}

/** Finds the direction beside the coordinates, or beside the object that has them. */
function yawOf(numbers: ReadonlyMap<string, number>, prefix: string): number | undefined {
  const outer = prefix.replace(/[^.]+\.$/, "");
  for (const place of new Set([prefix, outer])) {
    for (const name of ORIENTATIONS) {
      const [x = 0, y = 0, z, w] = ["x", "y", "z", "w"].map((part) => numbers.get(`${place}${name}.${part}`));
      if (z !== undefined && w !== undefined) return Math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z));
    }
    const yaw = YAWS.map((name) => numbers.get(`${place}${name}`)).find((one) => one !== undefined);
    if (yaw !== undefined) return yaw;
  }
  return undefined;
}

/** Formats a pose: `x 1.20 m, y -0.40 m, 90°`. */
export const poseText = ({ x, y, yaw }: Pose): string =>
  `x ${x.toFixed(2)} m, y ${y.toFixed(2)} m, ${Math.round((yaw * 180) / Math.PI)}°`;

/** Returns the points of the poses of entries. A gap begins another path. */
export const posePaths = (entries: readonly PulledEntry[]): readonly (readonly Point[])[] =>
  pathsBy(entries, (entry) => {
    const pose = poseOf(entry);
    return pose && [pose.x, pose.y];
  });
