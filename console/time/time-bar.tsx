/** The time bar: one clock for all panes, and where their streams store entries. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../design/icon.tsx";
import { dayAndTime, msOfId } from "../page/format.ts";
import { useNow } from "../page/use-now.ts";
import { clockStatus } from "../workspace/pane-status.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { SPEEDS } from "./clock.ts";
import { DensityStrip } from "./density-strip.tsx";
import { GO_TO_ID, GoTo } from "./go-to.tsx";
import { SPANS, shownRange } from "./time-range.ts";
import "./time-bar.css";

/** Interval at which the time is updated, ms. */
const UPDATE_MS = 100;

/** Renders the bar. */
export function TimeBar({ workspace }: { readonly workspace: Workspace }) {
  const { clock } = workspace;
  const isRunning = useComputed(() => clock.isRunning);
  const isLive = useComputed(() => clock.mode.value === "live");
  // Small windows hide the field while it is live, until it is requested.
  const isGoing = useSignal(false);
  const step = (direction: 1 | -1) => void clock.step(direction, workspace.layout.selectedKey.peek());
  const stepped = workspace.layout.selectedKey.value;
  const entry = stepped === undefined ? "One entry" : `One entry of ${stepped}`;
  return (
    <div
      class={`time ${isLive.value ? "" : "past"} ${isGoing.value ? "going" : ""}`}
      role="group"
      aria-label="Time"
    >
      <div class="time-controls">
        <TimeButton label="One entry back" hint={`${entry} back (←)`} icon="back" act={() => step(-1)} />
        {isRunning.value ? (
          <TimeButton label="Pause" hint="Pause (space)" icon="pause" act={() => clock.pause()} />
        ) : (
          <TimeButton label="Play" hint="Play (space)" icon="play" act={() => clock.play()} />
        )}
        <TimeButton
          label="One entry forward"
          hint={`${entry} forward (→)`}
          icon="forward"
          isDisabled={isRunning.value}
          act={() => step(1)}
        />
        <select
          class="quiet"
          aria-label="Playback speed"
          title="Playback speed"
          value={String(clock.speed.value)}
          onChange={({ currentTarget }) => clock.setSpeed(Number(currentTarget.value))}
        >
          {SPEEDS.map((speed) => (
            <option key={speed} value={String(speed)}>
              ×{speed}
            </option>
          ))}
        </select>
        <Now workspace={workspace} />
        <button
          type="button"
          class="live-button"
          aria-pressed={isLive.value}
          title="Follow live (L)"
          onClick={() => {
            isGoing.value = false;
            clock.live();
          }}
        >
          <Icon of="radio" small /> Live
        </button>
        <GoTo
          workspace={workspace}
          focused={() => {
            isGoing.value = true;
          }}
        />
      </div>
      <Track workspace={workspace} />
      <p class="problem" role="status">
        {clock.problem}
      </p>
    </div>
  );
}

interface TimeButtonProps {
  readonly label: string;
  /** Tooltip, with the key that has the same effect. */
  readonly hint: string;
  readonly icon: IconName;
  readonly isDisabled?: boolean;
  readonly act: () => void;
}

function TimeButton({ label, hint, icon, isDisabled = false, act }: TimeButtonProps) {
  return (
    <button
      type="button"
      class="quiet icon"
      aria-label={label}
      title={hint}
      disabled={isDisabled}
      onClick={act}
    >
      <Icon of={icon} />
    </button>
  );
}

/** Button with the time of the clock. A component of its own, so that the clock re-renders only this. */
function Now({ workspace: { clock, listing, isUtc } }: { readonly workspace: Workspace }) {
  const ticks = useNow(UPDATE_MS);
  const text = useComputed(() => {
    ticks.value;
    clock.mode.value;
    return dayAndTime(clock.timeMs, isUtc.value);
  });
  const [day, time] = text.value;
  return (
    <span class="now">
      <button
        type="button"
        class="quiet readout"
        title="Go to a time or an entry (G)"
        onClick={() => document.getElementById(GO_TO_ID)?.focus()}
      >
        <span class="unseen">Go to a time; shown: </span>
        <span class="day">{day} </span>
        {time}
      </button>
      <button
        type="button"
        class="quiet zone"
        aria-label={`Time zone: ${isUtc.value ? "UTC" : "local"}`}
        title="Switch between local time and UTC"
        onClick={() => (isUtc.value = !isUtc.value)}
      >
        {isUtc.value ? "UTC" : "local"}
      </button>
      <Mode clock={clock} listing={listing} ticks={ticks} />
    </span>
  );
}

interface ModeProps extends Pick<Workspace, "clock" | "listing"> {
  /** Changes whenever the status may have changed. */
  readonly ticks: ReadonlySignal<number>;
}

function Mode({ clock, listing, ticks }: ModeProps) {
  const status = useComputed(() => {
    const { look, text } = clockStatus({
      mode: clock.mode.value,
      isUnavailable: listing.problem.value !== undefined,
      shownMs: clock.newestMs,
      nowMs: ticks.value,
    });
    return `${look} ${text}`;
  });
  const [look, ...words] = status.value.split(" ");
  return <span class={`mode chip ${look}`}>{words.join(" ")}</span>;
}

/** Slider over the range that the visible streams store, with their density behind it. */
function Track({ workspace }: { readonly workspace: Workspace }) {
  const { listing, layout, clock, spanMs } = workspace;
  const ticks = useNow(UPDATE_MS * 2);
  const slider = useRef<HTMLInputElement>(null);
  const stored = useComputed(() => {
    const open = new Set(layout.panes.value.map(({ key }) => key));
    const found = (listing.streams.value ?? []).filter(({ key }) => open.has(key));
    const firsts = found.map(({ firstId }) => msOfId(firstId)).filter((ms) => ms !== undefined);
    const lasts = found.map(({ lastId }) => msOfId(lastId)).filter((ms) => ms !== undefined);
    return firsts.length === 0 ? "" : `${Math.min(...firsts)} ${Math.max(...lasts)}`;
  });
  const range = useComputed(() => {
    const [start = 0, end = 0] = stored.value.split(" ").map(Number);
    const isLive = clock.mode.value === "live";
    return stored.value === ""
      ? undefined
      : shownRange({ start, end }, spanMs.value, isLive ? undefined : clock.timeMs);
  });
  // The position is written into the element: a render for each tick would cost more than the rest of the bar.
  useEffect(() => {
    const move = () => {
      const element = slider.current;
      if (element === null || range.peek() === undefined) return;
      const { start, end } = range.peek() ?? { start: 0, end: 0 };
      const at = clock.timeMs;
      if (!element.matches(":active")) element.value = String(Math.max(start, Math.min(end, at)));
      element.setAttribute("aria-valuetext", dayAndTime(at, workspace.isUtc.peek()).join(" "));
    };
    const stops = [ticks.subscribe(move), range.subscribe(move), clock.mode.subscribe(move)];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  return (
    <div class="time-track">
      <DensityStrip workspace={workspace} range={range}>
        <input
          ref={slider}
          type="range"
          aria-label="Position in the history of the open streams"
          min={range.value?.start ?? 0}
          max={range.value?.end ?? 1}
          disabled={range.value === undefined}
          onInput={({ currentTarget }) => clock.seek(currentTarget.value)}
        />
      </DensityStrip>
      <select
        class="quiet"
        aria-label="Shown range"
        title="Range of this bar and, in the past, of the plots"
        value={SPANS.find(({ ms }) => ms === spanMs.value)?.id ?? "all"}
        onChange={({ currentTarget }) => {
          spanMs.value = SPANS.find(({ id }) => id === currentTarget.value)?.ms ?? Number.POSITIVE_INFINITY;
        }}
      >
        {SPANS.map(({ id, title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </div>
  );
}
