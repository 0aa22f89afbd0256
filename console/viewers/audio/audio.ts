/** Viewer of audio: waveform, and playback on request. */
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const audio: Viewer = {
  id: "audio",
  title: "Audio",
  icon: "waves",
  match: ({ kind }) => kind === "audio",
  load: async () => (await import("./audio-view.tsx")).AudioView,
};
