/** The list of viewers, in order of preference. */
import type { PulledEntry } from "../../client/browser.ts";
import { audio } from "./audio/audio.ts";
import { contentOf } from "./content.ts";
import { image } from "./image/image.ts";
import { plot } from "./plot/plot.ts";
import { raw } from "./raw/raw.ts";
import { states } from "./states/states.ts";
import { table } from "./table/table.ts";
import { text } from "./text/text.ts";
import { track } from "./track/track.ts";
import { video } from "./video/video.ts";
import type { Viewer } from "./viewer.ts";

/** All viewers. The last one shows any content. */
export const VIEWERS: readonly Viewer[] = [image, video, audio, track, plot, states, table, text, raw];

/** Selects the viewer for an entry. @param meta the stream's metadata */
export function viewOf(entry: PulledEntry, meta?: unknown): Viewer["id"] {
  const content = contentOf(entry, meta);
  return (VIEWERS.find((viewer) => viewer.match(content)) ?? raw).id;
}

/** Returns a viewer by its name; undefined for `auto` and unknown names. */
export const viewerOf = (view: string | undefined): Viewer | undefined =>
  VIEWERS.find(({ id }) => id === view);
