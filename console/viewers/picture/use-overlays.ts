/** Streams whose shapes are drawn over a picture: those that declare it, or those that the user selects. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { isObject } from "../../../client/gateway/graphql.ts";
import type { Feed } from "../../feed/feed.ts";
import { useFeeds } from "../../feed/use-feeds.ts";
import type { ListedStream } from "../../stream-list/listing.ts";
import type { Workspace } from "../../workspace/workspace.ts";

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

type Candidate = Pick<ListedStream, "key" | "device" | "stream" | "meta">;

/** Whether a stream declares to be an overlay of another one: `{"view": "boxes", "of": "camera"}` in its metadata. */
export const declaresOverlay = (meta: unknown, of: string): boolean =>
  isObject(meta) && meta.view === "boxes" && meta.of === of;

/** Returns the streams of the same device, those that declare it first. */
export function candidatesOf(streams: readonly Candidate[], key: string): readonly Candidate[] {
  const own = streams.find((stream) => stream.key === key);
  const others = streams.filter((stream) => stream.key !== key && stream.device === own?.device);
  const isDeclared = ({ meta }: Candidate) => declaresOverlay(meta, own?.stream ?? "");
  return [...others.filter(isDeclared), ...others.filter((stream) => !isDeclared(stream))];
}

/** Returns the selected ones of the candidates: those that are chosen, or else those that declare it. */
export function selectedOf(
  streams: readonly Candidate[],
  key: string,
  chosen: readonly string[] | undefined,
): readonly string[] {
  const own = streams.find((stream) => stream.key === key)?.stream ?? "";
  return candidatesOf(streams, key)
    .filter((one) => chosen?.includes(one.key) ?? declaresOverlay(one.meta, own))
    .map((one) => one.key);
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
