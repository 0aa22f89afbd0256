/** Viewer of images: the newest one. */
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const image: Viewer = {
  id: "image",
  title: "Image",
  icon: "image",
  latest: true,
  match: ({ kind }) => kind === "image",
  load: async () => (await import("./image-view.tsx")).ImageView,
};
