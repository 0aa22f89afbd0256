/** Viewer of words that change: strings, booleans and enumerations as bars over time. It is chosen by hand. */
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const states: Viewer = {
  id: "states",
  title: "States",
  icon: "states",
  match: () => false,
  load: async () => (await import("./states-view.tsx")).StatesView,
};
