/** Viewer of lines: text, and JSON and MessagePack on one line each. */
import type { Viewer } from "../viewer.ts";

/** The viewer. */
export const text: Viewer = {
  id: "text",
  title: "Text",
  icon: "rows",
  match: ({ kind }) => kind === "text" || kind === "json" || kind === "msgpack" || kind === "fields",
  load: async () => (await import("./text-view.tsx")).TextView,
};
