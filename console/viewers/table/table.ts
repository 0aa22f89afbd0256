/** Viewer of records: a column for each field. */
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const table: Viewer = {
  id: "table",
  title: "Table",
  icon: "table",
  match: ({ kind }) => kind === "fields",
  load: async () => (await import("./table-view.tsx")).TableView,
};
