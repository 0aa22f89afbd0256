/** Track viewer: the way of a GPS receiver, without a map. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../../client/browser.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import type { ViewProps } from "../viewer.ts";
import { type Position, pathsOf, positionOf, TrackEntries } from "./positions.ts";
import { flatten, positionText } from "./projection.ts";
import { drawTrack } from "./track-canvas.ts";
import "./track-view.css";

/** Interval at which the track is drawn, ms. */
const UPDATE_MS = 200;

const newestOf = (all: readonly PulledEntry[]): Position | undefined => {
  const entry = all.findLast((one) => positionOf(one) !== undefined);
  return entry && positionOf(entry);
};

/** Renders the track, and the newest position as text. */
export function TrackView({ entries, name, workspace }: ViewProps) {
  const isDark = workspace.theme.isDark.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const newest = useSignal<Position | undefined>(undefined);
  const throttled = useThrottled(entries, UPDATE_MS);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const track = new TrackEntries();
    const draw = () => {
      const all = track.follow(throttled.peek());
      newest.value = newestOf(all);
      drawTrack(element, flatten(pathsOf(all)));
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
      <p class="facts">{newest.value === undefined ? "No position." : positionText(newest.value)}</p>
    </div>
  );
}
