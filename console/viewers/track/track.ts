/** Viewer of GPS positions and of poses. */
import type { Viewer } from "../viewer.ts";
import { poseOf } from "./poses.ts";
import { positionOf } from "./positions.ts";

/** The viewer. */
export const track: Viewer = {
  id: "track",
  title: "Track",
  icon: "track",
  isLong: true,
  match: ({ kind, entry }) =>
    (kind === "json" || kind === "msgpack") && (positionOf(entry) ?? poseOf(entry)) !== undefined,
  load: async () => (await import("./track-view.tsx")).TrackView,
};
