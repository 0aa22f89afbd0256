/** Viewer of words that change: strings, booleans and enumerations as bars over time. */
import { recordKind } from "../record.ts";
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const states: Viewer = {
  id: "states",
  title: "States",
  icon: "states",
  isLong: true,
  match: ({ kind, entry }) => (kind === "json" || kind === "msgpack") && recordKind(entry) === "state",
  load: async () => (await import("./states-view.tsx")).StatesView,
};
