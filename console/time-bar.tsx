/** Where an open stream stands in time: live, paused, or at a moment of its history. */
import { useComputed } from "@preact/signals";
import type { Feed } from "./feed.ts";
import { msOfId, timeText } from "./format.ts";
import type { Listing } from "./listing.ts";

interface TimeBarProps {
  readonly feed: Feed;
  /** Whether only the newest entries are wanted; undefined where that is not known yet. */
  readonly isLatest: boolean | undefined;
  readonly listing: Listing;
  readonly streamKey: string;
}

/** The buttons and the slider. */
export function TimeBar({ feed, isLatest, listing, streamKey }: TimeBarProps) {
  const span = useComputed(() => {
    const info = listing.streams.value?.find(({ key }) => key === streamKey);
    const first = info && msOfId(info.firstId);
    const last = info && msOfId(info.lastId);
    return first === undefined || last === undefined ? undefined : { first, last };
  });
  const shown = feed.entries.value.at(-1);
  const mode = feed.mode.value;
  const first = span.value?.first ?? 0;
  const last = Math.max(span.value?.last ?? 0, shown?.timeMs ?? 0);
  const at = shown?.timeMs ?? last;
  return (
    <div class="time" role="group" aria-label="Time">
      {mode === "live" ? (
        <button type="button" onClick={() => feed.pause()}>
          Pause
        </button>
      ) : (
        <button type="button" class="live" onClick={() => feed.follow(isLatest)}>
          Live
        </button>
      )}
      <button
        type="button"
        aria-label="One entry back"
        disabled={shown === undefined}
        onClick={() => feed.step(-1)}
      >
        ◂
      </button>
      <button
        type="button"
        aria-label="One entry on"
        disabled={shown === undefined || mode === "live"}
        onClick={() => feed.step(1)}
      >
        ▸
      </button>
      <input
        type="range"
        aria-label="Moment in the stream's history"
        aria-valuetext={shown && timeText(shown.timeMs)}
        min={first}
        max={last}
        value={Math.max(first, at)}
        disabled={span.value === undefined}
        onInput={({ currentTarget }) => feed.goTo(Number(currentTarget.value))}
      />
      <output>
        {shown && timeText(shown.timeMs)} {mode}
      </output>
    </div>
  );
}
