/** Content of a track viewer: a track of GPS positions or of poses, and the place at the shared cursor. */
import type { PulledEntry } from "../../../client/browser.ts";
import { poseOf, posePaths, poseText } from "./poses.ts";
import { pathsOf, positionOf } from "./positions.ts";
import { centred, type FlatTrack, flatten, type Point, positionText } from "./projection.ts";

/** Content of the view. */
export interface DrawnTrack {
  readonly track: FlatTrack | undefined;
  /** Direction of the newest pose, radians; undefined for GPS. */
  readonly yaw: number | undefined;
  /** Place at the cursor; undefined without a cursor, and before the first entry. */
  readonly marked: Point | undefined;
  /** The position or pose at the cursor, or the newest one. */
  readonly text: string;
}

/** Returns what is drawn. @param cursorMs the moment of the cursor, Unix ms */
export function drawnTrack(all: readonly PulledEntry[], cursorMs: number | undefined): DrawnTrack {
  const hasPlace = (one: PulledEntry) => positionOf(one) !== undefined || poseOf(one) !== undefined;
  const last = all.findLast(hasPlace);
  const pointed =
    cursorMs === undefined ? undefined : all.findLast((one) => one.timeMs <= cursorMs && hasPlace(one));
  // A path of its own, so that it is projected like the others.
  const own = pointed === undefined ? [] : [pointed];
  const shown = pointed ?? last;
  const position = shown && positionOf(shown);
  if (position !== undefined) {
    const track = flatten([...pathsOf(all), ...pathsOf(own)]);
    return { ...withoutMarked(track, own.length), yaw: undefined, text: positionText(position) };
  }
  const pose = shown && poseOf(shown);
  if (pose === undefined)
    return { track: undefined, yaw: undefined, marked: undefined, text: "No position." };
  const track = centred([...posePaths(all), ...posePaths(own)]);
  const yaw = last && poseOf(last)?.yaw;
  return { ...withoutMarked(track, own.length), yaw, text: poseText(pose) };
}

/** Separates the path of the marked place, which is the last one. */
function withoutMarked(track: FlatTrack | undefined, count: number): Pick<DrawnTrack, "track" | "marked"> {
  if (track === undefined || count === 0) return { track, marked: undefined };
  return { track: { ...track, paths: track.paths.slice(0, -count) }, marked: track.paths.at(-1)?.[0] };
}
