/** Track viewer: the way of a GPS receiver without a map, or the poses of a robot. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useThrottled } from "../../page/use-throttled.ts";
import type { ViewProps } from "../viewer.ts";
import { drawnTrack } from "./drawn-track.ts";
import { TrackEntries } from "./positions.ts";
import { drawTrack } from "./track-canvas.ts";
import "./track-view.css";

/** Interval at which the track is drawn, ms. */
const UPDATE_MS = 200;

/** Interval at which the place at the cursor follows the pointer, ms. */
const CURSOR_MS = 50;

/** Renders the track, and the position at the cursor or the newest one as text. */
export function TrackView({ entries, name, workspace }: ViewProps) {
  const isDark = workspace.theme.isDark.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const text = useSignal("");
  const throttled = useThrottled(entries, UPDATE_MS);
  const pointed = useThrottled(workspace.cursor.pointed, CURSOR_MS);
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const track = new TrackEntries();
    const draw = () => {
      const drawn = drawnTrack(track.follow(throttled.peek()), pointed.peek()?.ms);
      text.value = drawn.text;
      drawTrack(element, drawn);
    };
    const stops = [throttled.subscribe(draw), pointed.subscribe(draw)];
    const resizing = new ResizeObserver(draw);
    resizing.observe(element);
    return () => {
      for (const stop of stops) stop();
      resizing.disconnect();
    };
  }, [throttled, pointed, isDark]);
  return (
    <div class="track-view">
      <canvas ref={canvas} class="track-canvas" role="img" aria-label={`Track of ${name}`} />
      <p class="facts">{text}</p>
    </div>
  );
}
