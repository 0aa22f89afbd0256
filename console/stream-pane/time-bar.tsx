/** Time bar of an open stream: pause, play, step, speed and position. */
import { useComputed } from "@preact/signals";
import type { Feed } from "../feed/feed.ts";
import { SPEEDS } from "../feed/playback-timing.ts";
import { msOfId, timeText } from "../page/format.ts";
import { useThrottled } from "../page/use-throttled.ts";
import type { Listing } from "../stream-list/listing.ts";

interface TimeBarProps {
  readonly feed: Feed;
  /** Whether to follow only the newest entry; undefined if not known yet. */
  readonly isLatest: boolean | undefined;
  readonly listing: Listing;
  readonly streamKey: string;
}

/** Interval at which the time is updated, ms. */
const UPDATE_MS = 200;

const MODES = { live: "live", paused: "paused", past: "history", playing: "playing" } as const;

/** Renders the time bar. */
export function TimeBar({ feed, isLatest, listing, streamKey }: TimeBarProps) {
  const span = useComputed(() => {
    const info = listing.streams.value?.find(({ key }) => key === streamKey);
    const first = info && msOfId(info.firstId);
    const last = info && msOfId(info.lastId);
    return first === undefined || last === undefined ? undefined : { first, last };
  });
  const shown = useThrottled(feed.entries, UPDATE_MS).value.at(-1);
  const mode = feed.mode.value;
  // Displays "waiting" instead of "live" while no entry can arrive.
  const isStalled = feed.problem.value !== "" && mode === "live";
  const runs = mode === "live" || mode === "playing";
  const first = span.value?.first ?? 0;
  const last = Math.max(span.value?.last ?? 0, shown?.timeMs ?? 0);
  const at = shown?.timeMs ?? last;
  return (
    <div class="time" role="group" aria-label="Time">
      {runs ? (
        <button type="button" title="Pause (space)" onClick={() => feed.pause()}>
          Pause
        </button>
      ) : (
        <button
          type="button"
          title="Play from here"
          disabled={shown === undefined}
          onClick={() => feed.play()}
        >
          Play
        </button>
      )}
      <StepButton
        label="One entry back"
        keyName="←"
        disabled={shown === undefined}
        step={() => feed.step(-1)}
      >
        ◂
      </StepButton>
      <StepButton
        label="One entry forward"
        keyName="→"
        disabled={shown === undefined || runs}
        step={() => feed.step(1)}
      >
        ▸
      </StepButton>
      <SpeedChoice feed={feed} />
      <input
        type="range"
        aria-label="Position in the stream's history"
        aria-valuetext={shown && timeText(shown.timeMs)}
        min={first}
        max={last}
        value={Math.max(first, at)}
        disabled={span.value === undefined}
        onInput={({ currentTarget }) => feed.goTo(Number(currentTarget.value))}
      />
      <output>
        {shown && timeText(shown.timeMs)}{" "}
        <span class={`mode ${isStalled ? "stalled" : mode}`}>{isStalled ? "waiting" : MODES[mode]}</span>
      </output>
      {mode !== "live" && (
        <button type="button" class="live" title="Follow live" onClick={() => feed.follow(isLatest)}>
          Live
        </button>
      )}
    </div>
  );
}

interface StepButtonProps {
  readonly label: string;
  /** Key with the same effect. */
  readonly keyName: string;
  readonly disabled: boolean;
  readonly step: () => void;
  readonly children: string;
}

function StepButton({ label, keyName, disabled, step, children }: StepButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={`${label} (${keyName})`}
      disabled={disabled}
      onClick={step}
    >
      {children}
    </button>
  );
}

function SpeedChoice({ feed }: Pick<TimeBarProps, "feed">) {
  return (
    <select
      aria-label="Playback speed"
      value={String(feed.speed.value)}
      onChange={({ currentTarget }) => {
        feed.speed.value = Number(currentTarget.value);
      }}
    >
      {SPEEDS.map((speed) => (
        <option key={speed} value={String(speed)}>
          ×{speed}
        </option>
      ))}
    </select>
  );
}
