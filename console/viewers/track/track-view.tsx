/** Track viewer: the way of a GPS receiver without a map, or the poses of a robot. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../../client/browser.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import type { ViewProps } from "../viewer.ts";
import { poseOf, posePaths, poseText } from "./poses.ts";
import { pathsOf, positionOf, TrackEntries } from "./positions.ts";
import { centred, type FlatTrack, flatten, positionText } from "./projection.ts";
import { drawTrack } from "./track-canvas.ts";
import "./track-view.css";

/** Interval at which the track is drawn, ms. */
const UPDATE_MS = 200;

/** Content of the view: a track of GPS positions, or of poses. */
interface Drawn {
  readonly track: FlatTrack | undefined;
  readonly yaw: number | undefined;
  /** The newest position or pose. */
  readonly text: string;
}

function drawnOf(all: readonly PulledEntry[]): Drawn {
  const last = all.findLast((one) => positionOf(one) !== undefined || poseOf(one) !== undefined);
  const position = last && positionOf(last);
  if (position !== undefined)
    return { track: flatten(pathsOf(all)), yaw: undefined, text: positionText(position) };
  const pose = last && poseOf(last);
  if (pose !== undefined) return { track: centred(posePaths(all)), yaw: pose.yaw, text: poseText(pose) };
  return { track: undefined, yaw: undefined, text: "No position." };
}

/** Renders the track, and the newest position as text. */
export function TrackView({ entries, name, workspace }: ViewProps) {
  const isDark = workspace.theme.isDark.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const text = useSignal("");
  const throttled = useThrottled(entries, UPDATE_MS);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const track = new TrackEntries();
    const draw = () => {
      const drawn = drawnOf(track.follow(throttled.peek()));
      text.value = drawn.text;
      drawTrack(element, drawn.track, drawn.yaw);
    };
    const stop = throttled.subscribe(draw);
    const resizing = new ResizeObserver(draw);
    resizing.observe(element);
    return () => {
      stop();
      resizing.disconnect();
    };
  }, [throttled, isDark]);
  return (
    <div class="track-view">
      <canvas ref={canvas} class="track-canvas" role="img" aria-label={`Track of ${name}`} />
      <p class="facts">{text}</p>
    </div>
  );
}
