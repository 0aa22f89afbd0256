/** Streams whose shapes are drawn over an image: those that declare it, and those that the user selects. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { isObject } from "../../../client/gateway/graphql.ts";
import type { Feed } from "../../feed/feed.ts";
import { useFeeds } from "../../feed/use-feeds.ts";
import type { ListedStream } from "../../stream-list/listing.ts";
import type { Workspace } from "../../workspace/workspace.ts";

/** Shapes are displayed as soon as the image that they belong to, ms. */
const DISPLAY_MS = 10;

/** Streams of an image, and the selected ones. */
export interface Overlays {
  /** Keys of the streams that can be selected. */
  readonly candidates: ReadonlySignal<readonly string[]>;
  readonly selected: ReadonlySignal<readonly string[]>;
  readonly feeds: ReadonlySignal<readonly Feed[]>;
  toggle(key: string): void;
}

/** Whether a stream declares to be an overlay of another one: `{"view": "boxes", "of": "camera"}` in its metadata. */
export const declaresOverlay = (meta: unknown, of: string): boolean =>
  isObject(meta) && meta.view === "boxes" && meta.of === of;

/** Returns the streams of the same device, the ones that declare it first. */
function candidatesOf(streams: readonly ListedStream[], key: string): readonly ListedStream[] {
  const own = streams.find((stream) => stream.key === key);
  const others = streams.filter((stream) => stream.key !== key && stream.device === own?.device);
  const isDeclared = ({ meta }: ListedStream) => declaresOverlay(meta, own?.stream ?? "");
  return [...others.filter(isDeclared), ...others.filter((stream) => !isDeclared(stream))];
}

/** Follows the overlays of an image stream. */
export function useOverlays(workspace: Workspace, key: string): Overlays {
  const { listing } = workspace;
  const chosen = useSignal<ReadonlyMap<string, boolean>>(new Map());
  const candidates = useComputed(() => candidatesOf(listing.streams.value ?? [], key));
  const keys = useComputed(() => candidates.value.map((one) => one.key));
  // Serialized, so that a poll of the list changes nothing.
  const selectedText = useComputed(() => {
    const own = listing.streams.value?.find((stream) => stream.key === key)?.stream ?? "";
    return JSON.stringify(
      candidates.value
        .filter((one) => chosen.value.get(one.key) ?? declaresOverlay(one.meta, own))
        .map((one) => one.key),
    );
  });
  const selected = useComputed((): readonly string[] => JSON.parse(selectedText.value));
  const feeds = useFeeds(workspace, selected, { displayMs: DISPLAY_MS, latest: false });
  return useMemo(
    () => ({
      candidates: keys,
      selected,
      feeds,
      toggle(one) {
        chosen.value = new Map(chosen.value).set(one, !selected.peek().includes(one));
      },
    }),
    [],
  );
}
