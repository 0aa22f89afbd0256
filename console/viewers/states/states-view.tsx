/** State viewer: strings, booleans and enumerations as bars over time. */
import { useEffect, useRef } from "preact/hooks";
import { LINE_COLOURS } from "../../design/line-colours.ts";
import { msOfId, timeText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { followPointer } from "../../time/follow-pointer.ts";
import type { SharedCursor } from "../../time/shared-cursor.ts";
import type { ViewProps } from "../viewer.ts";
import { type Segment, type StateRow, stateRows, valueAt } from "./segments.ts";
import "./states-view.css";

const UPDATE_MS = 500;

/** Renders the bars. The values at their right end are those at the cursor, at the shown moment, or the newest ones. */
export function StatesView({ entries, later, name, workspace }: ViewProps) {
  const shown = useThrottled(entries, UPDATE_MS).value;
  const after = useThrottled(later, UPDATE_MS).value;
  const all = after.length === 0 ? shown : [...shown, ...after];
  // Only bars that continue after the shown moment mark it.
  const momentMs = after.length === 0 ? undefined : msOfId(workspace.clock.position ?? "");
  const fromMs = all[0]?.timeMs ?? 0;
  const toMs = Math.max(fromMs + 1, all.at(-1)?.timeMs ?? 0);
  const isUtc = workspace.isUtc.value;
  const rows = stateRows(all);
  const { cursor } = workspace;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current === null) return;
    return followPointer(box.current, workspace, { view: `states ${name}`, momentAt: msAt, positionAt });
  }, [workspace, name]);
  return (
    <div ref={box} class="states-view" tabIndex={0} role="region" aria-label={`States of ${name}`}>
      {rows.length === 0 && <p class="hint">These entries contain no strings and no booleans.</p>}
      {rows.map((row) => (
        <Bars key={row.field} {...{ row, fromMs, toMs, momentMs, isUtc, cursor }} />
      ))}
      <div class="state-row">
        <p class="facts span">
          <span>{timeText(fromMs, isUtc)}</span>
          <span>{timeText(toMs, isUtc)}</span>
        </p>
      </div>
    </div>
  );
}

interface BarsProps {
  readonly row: StateRow;
  readonly fromMs: number;
  readonly toMs: number;
  /** The shown moment of the past, Unix ms. */
  readonly momentMs: number | undefined;
  readonly isUtc: boolean;
  readonly cursor: SharedCursor;
}

/** Returns the moment at the pointer, Unix ms; undefined beside the bars. */
function msAt({ target, clientX }: MouseEvent): number | undefined {
  const bars = target instanceof Element ? target.closest<HTMLElement>(".bars") : null;
  if (bars === null) return undefined;
  const { left, width } = bars.getBoundingClientRect();
  const [fromMs, toMs] = [Number(bars.dataset.from), Number(bars.dataset.to)];
  return fromMs + ((clientX - left) / width) * (toMs - fromMs);
}

/** Returns the moment at the pointer as a position of the clock. */
function positionAt(event: MouseEvent): string | undefined {
  const ms = msAt(event);
  return ms === undefined ? undefined : String(Math.round(ms));
}

function Bars({ row: { field, segments }, fromMs, toMs, momentMs, isUtc, cursor }: BarsProps) {
  const colours = [...new Set(segments.map(({ value }) => value))];
  const percent = (ms: number) => `${(ms / (toMs - fromMs)) * 100}%`;
  return (
    <div class="state-row">
      <span class="name" title={field}>
        {field}
      </span>
      <div class="bars" data-from={fromMs} data-to={toMs}>
        {segments.map(({ value, fromMs: from, toMs: to }) => (
          <span
            key={from}
            class={`bar line-${colours.indexOf(value) % LINE_COLOURS}`}
            style={{ left: percent(from - fromMs), width: `max(2px, ${percent(to - from)})` }}
            title={`${value}, from ${timeText(from, isUtc)}. Click to show a moment in all panes`}
          >
            {value}
          </span>
        ))}
        <Line ms={momentMs} {...{ fromMs, toMs }} isMoment />
        <CursorLine {...{ cursor, fromMs, toMs }} />
      </div>
      <Value {...{ segments, momentMs, cursor }} />
    </div>
  );
}

/** A component of its own, like the value, so that the bars are not rendered with each movement of the pointer. */
function CursorLine({ cursor, fromMs, toMs }: Pick<BarsProps, "cursor" | "fromMs" | "toMs">) {
  return <Line ms={cursor.pointed.value?.ms} {...{ fromMs, toMs }} />;
}

interface LineProps extends Pick<BarsProps, "fromMs" | "toMs"> {
  /** Undefined and other moments have no line. */
  readonly ms: number | undefined;
  readonly isMoment?: boolean;
}

function Line({ ms, fromMs, toMs, isMoment = false }: LineProps) {
  if (ms === undefined || ms < fromMs || ms > toMs) return null;
  const left = `${((ms - fromMs) / (toMs - fromMs)) * 100}%`;
  return <i class={isMoment ? "cursor-line moment" : "cursor-line"} style={{ left }} />;
}

interface ValueProps {
  readonly segments: readonly Segment[];
  readonly momentMs: number | undefined;
  readonly cursor: SharedCursor;
}

function Value({ segments, momentMs, cursor }: ValueProps) {
  const ms = cursor.pointed.value?.ms ?? momentMs;
  const value = ms === undefined ? segments.at(-1)?.value : valueAt(segments, ms);
  return (
    <strong class="now" title={value}>
      {value}
    </strong>
  );
}
