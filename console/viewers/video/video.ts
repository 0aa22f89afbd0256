/** Viewer of H.264 and H.265 video. */
import type { Viewer } from "../viewer.ts";

/** The viewer. It needs all frames, because each one but a key frame changes the one before. */
export const video: Viewer = {
  id: "video",
  title: "Video",
  icon: "video",
  match: ({ kind }) => kind === "video",
  load: async () => (await import("./video-view.tsx")).VideoView,
};
