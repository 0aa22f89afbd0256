/** Viewer of numbers over time: those of JSON, of MessagePack and of plain fields. */
import { recordKind } from "../record.ts";
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const plot: Viewer = {
  id: "plot",
  title: "Plot",
  icon: "plot",
  isLong: true,
  // A plain Redis entry is a record of mixed fields, which a table shows as a whole.
  match: ({ kind, entry }) => (kind === "json" || kind === "msgpack") && recordKind(entry) === "readings",
  load: async () => (await import("./plot-view.tsx")).PlotView,
};
