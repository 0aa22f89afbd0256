/** Viewer of GPS positions. */
import type { Viewer } from "../viewer.ts";
import { positionOf } from "./positions.ts";

/** The viewer. */
export const track: Viewer = {
  id: "track",
  title: "Track",
  icon: "track",
  isLong: true,
  match: ({ kind, entry }) => (kind === "json" || kind === "msgpack") && positionOf(entry) !== undefined,
  load: async () => (await import("./track-view.tsx")).TrackView,
};
