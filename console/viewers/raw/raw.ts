/** Viewer of one entry as it is stored: its value as a tree, its fields, its bytes. */
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const raw: Viewer = {
  id: "raw",
  title: "Raw",
  icon: "raw",
  match: () => true,
  load: async () => (await import("./raw-view.tsx")).RawView,
};
