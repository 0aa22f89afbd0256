/** Hook that follows further streams of a pane, at the moment that the clock shows. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Workspace } from "../workspace/workspace.ts";
import { Feed } from "./feed.ts";

/** Options of the feeds. */
export interface FeedsOptions {
  /** Interval at which received entries are displayed; absent selects the default, ms. */
  readonly displayMs?: number;
  /** Whether to show only the newest entry; absent selects it for images. */
  readonly latest?: boolean;
  /** Length of the range that is shown at a moment of the past; absent selects some seconds, ms. */
  readonly spanMs?: ReadonlySignal<number>;
}

/** Follows streams while the component is mounted. @param keys changes only if the streams do */
export function useFeeds(
  { streamer, clock }: Pick<Workspace, "streamer" | "clock">,
  keys: ReadonlySignal<readonly string[]>,
  { displayMs, latest, spanMs }: FeedsOptions = {},
): ReadonlySignal<readonly Feed[]> {
  const feeds = useSignal<readonly Feed[]>([]);
  useEffect(() => {
    const end = (feed: Feed) => {
      clock.detach(feed);
      feed.stop();
    };
    const stop = keys.subscribe((wanted) => {
      const before = feeds.peek();
      for (const feed of before.filter(({ key }) => !wanted.includes(key))) end(feed);
      feeds.value = wanted.map(
        (key) => before.find((feed) => feed.key === key) ?? new Feed(streamer, key, displayMs),
      );
      for (const feed of feeds.value.filter((one) => !before.includes(one))) {
        if (latest !== undefined) feed.setLatest(latest);
        feed.setSpan(spanMs?.peek());
        clock.attach(feed);
      }
    });
    const stopSpan = spanMs?.subscribe((ms) => {
      for (const feed of feeds.peek()) feed.setSpan(ms);
    });
    return () => {
      stop();
      stopSpan?.();
      for (const feed of feeds.peek()) end(feed);
      feeds.value = [];
    };
  }, [keys, streamer, clock]);
  return feeds;
}
