/** Streams that the open panes show: their own, those of their plots, and those that are drawn over their pictures. */
import { type Candidate, selectedOf } from "../viewers/picture/overlay-streams.ts";
import type { Pane } from "./layout.ts";

/** Returns their keys. Streams that are not listed are left out: they do not exist, or the user may not read them. */
export function shownStreams(panes: readonly Pane[], listed: readonly Candidate[]): readonly string[] {
  const known = new Set(listed.map(({ key }) => key));
  const keys = panes.flatMap(({ key, plotted = [], overlays }) => [
    key,
    ...plotted.map((stream) => stream.key),
    ...selectedOf(listed, key, overlays),
  ]);
  return [...new Set(keys)].filter((key) => known.has(key));
}
