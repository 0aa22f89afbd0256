/** Streams whose shapes are drawn over a picture: those that declare it, or those that the user selects. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Feed } from "../../feed/feed.ts";
import { useFeeds } from "../../feed/use-feeds.ts";
import type { Workspace } from "../../workspace/workspace.ts";
import { candidatesOf, selectedOf } from "./overlay-streams.ts";

/** Shapes are displayed as soon as the picture that they belong to, ms. */
const DISPLAY_MS = 10;

/** Streams of a picture, and the selected ones. */
export interface Overlays {
  /** Keys of the streams that can be selected. */
  readonly candidates: ReadonlySignal<readonly string[]>;
  readonly selected: ReadonlySignal<readonly string[]>;
  readonly feeds: ReadonlySignal<readonly Feed[]>;
  toggle(key: string): void;
}

/** Follows the overlays of a stream of pictures. The layout stores those that the user has chosen. */
export function useOverlays(workspace: Workspace, key: string): Overlays {
  const { listing, layout } = workspace;
  const streams = useComputed(() => listing.streams.value ?? []);
  // Texts, so that a poll of the list changes nothing.
  const candidatesText = useComputed(() =>
    JSON.stringify(candidatesOf(streams.value, key).map((one) => one.key)),
  );
  const candidates = useComputed((): readonly string[] => JSON.parse(candidatesText.value));
  const selectedText = useComputed(() =>
    JSON.stringify(selectedOf(streams.value, key, layout.paneOf(key)?.overlays)),
  );
  const selected = useComputed((): readonly string[] => JSON.parse(selectedText.value));
  const feeds = useFeeds(workspace, selected, { displayMs: DISPLAY_MS, latest: false });
  return useMemo(
    () => ({
      candidates,
      selected,
      feeds,
      toggle(one) {
        const before = selected.peek();
        const overlays = before.includes(one) ? before.filter((other) => other !== one) : [...before, one];
        layout.change(key, { overlays });
      },
    }),
    [],
  );
}
