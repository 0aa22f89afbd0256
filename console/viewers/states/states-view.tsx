/** State viewer: strings, booleans and enumerations as bars over time. */
import { LINE_COLOURS } from "../../design/line-colours.ts";
import { timeText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import type { ViewProps } from "../viewer.ts";
import { type StateRow, stateRows } from "./segments.ts";
import "./states-view.css";

const UPDATE_MS = 500;

/** Renders the bars. */
export function StatesView({ entries, name, workspace }: ViewProps) {
  const all = useThrottled(entries, UPDATE_MS).value;
  const fromMs = all[0]?.timeMs ?? 0;
  const toMs = Math.max(fromMs + 1, all.at(-1)?.timeMs ?? 0);
  const isUtc = workspace.isUtc.value;
  const rows = stateRows(all);
  return (
    <div class="states-view" tabIndex={0} role="region" aria-label={`States of ${name}`}>
      {rows.length === 0 && <p class="hint">These entries contain no strings and no booleans.</p>}
      {rows.map((row) => (
        <Bars key={row.field} row={row} fromMs={fromMs} toMs={toMs} isUtc={isUtc} />
      ))}
      <p class="facts span">
        <span>{timeText(fromMs, isUtc)}</span>
        <span>{timeText(toMs, isUtc)}</span>
      </p>
    </div>
  );
}

interface BarsProps {
  readonly row: StateRow;
  readonly fromMs: number;
  readonly toMs: number;
  readonly isUtc: boolean;
}

function Bars({ row: { field, segments }, fromMs, toMs, isUtc }: BarsProps) {
  const colours = [...new Set(segments.map(({ value }) => value))];
  const percent = (ms: number) => `${(ms / (toMs - fromMs)) * 100}%`;
  return (
    <div class="state-row">
      <span class="name" title={field}>
        {field}
      </span>
      <div class="bars">
        {segments.map(({ value, fromMs: from, toMs: to }) => (
          <span
            key={from}
            class={`bar line-${colours.indexOf(value) % LINE_COLOURS}`}
            style={{ left: percent(from - fromMs), width: `max(2px, ${percent(to - from)})` }}
            title={`${value}, from ${timeText(from, isUtc)}`}
          >
            {value}
          </span>
        ))}
      </div>
      <strong class="now">{segments.at(-1)?.value}</strong>
    </div>
  );
}
