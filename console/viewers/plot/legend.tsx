/** List of the fields of all streams of a plot: those that are drawn have their statistics. */
import type { ReadonlySignal, Signal } from "@preact/signals";
import { Fragment } from "preact";
import type uPlot from "uplot";
import { ElidedName } from "../../design/elided-name.tsx";
import { Icon } from "../../design/icon.tsx";
import { LINE_COLOURS } from "../../design/line-colours.ts";
import { dayAndTime, numberText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { numbersOf } from "../content.ts";
import { lineFacts, type Rows, rowAt, rowsIn } from "./line-facts.ts";
import type { PlotLine, PlotStream } from "./plot-lines.ts";
import { unitOf } from "./units.ts";
import { type Plot, UPDATE_MS } from "./use-plot.ts";

/** The drawn columns and their lines. */
export interface Drawn {
  readonly data: uPlot.AlignedData;
  readonly lines: readonly PlotLine[];
}

/** Range of times, Unix seconds. */
export type ZoomRange = readonly [min: number, max: number];

interface LegendProps {
  readonly plot: Plot;
  readonly drawn: Signal<Drawn>;
  /** Row under the cursor. */
  readonly cursor: ReadonlySignal<number | undefined>;
  /** The range that the user has zoomed in to. */
  readonly zoom: ReadonlySignal<ZoomRange | undefined>;
  /** The shown moment of the past, if the plot continues after it, Unix seconds. */
  readonly moment: ReadonlySignal<number | undefined>;
  readonly isUtc: boolean;
  /** Returns the metadata of a stream. */
  readonly metaOf: (key: string) => unknown;
}

/** Renders the list: swatch, value at the cursor or newest value, and minimum, mean and maximum of the visible range. */
export function Legend({ plot, drawn, cursor, zoom, moment, isUtc, metaOf }: LegendProps) {
  const slow = useThrottled(drawn, UPDATE_MS);
  // At the cursor the values follow the pointer at once.
  const shown = cursor.value === undefined ? slow.value : drawn.peek();
  const index = cursor.value ?? (moment.value === undefined ? undefined : rowAt(shown.data[0], moment.value));
  const title = cursor.value !== undefined ? "cursor" : index === undefined ? "newest" : "moment";
  const at = cursor.value === undefined ? undefined : shown.data[0][cursor.value];
  const rows = zoom.value && rowsIn(shown.data[0], zoom.value);
  const streams = plot.streams.value;
  return (
    <div class="legend" tabIndex={0} role="region" aria-label="Lines">
      <table>
        <thead>
          <tr>
            <th scope="col">Line</th>
            <th scope="col">
              {title}
              {at !== undefined && ` ${dayAndTime(at * 1000, isUtc)[1]}`}
            </th>
            {["min", "mean", "max"].map((title) => (
              <th key={title} scope="col" class="statistic">
                {title}
              </th>
            ))}
            <th scope="col">Axis</th>
          </tr>
        </thead>
        <tbody>
          {streams.map((stream, i) => (
            <Fragment key={stream.key}>
              {streams.length > 1 && <StreamRow stream={stream} plot={plot} isOwn={i === 0} />}
              {stream.fields.map((field) => (
                <LineRow
                  key={field}
                  {...{ plot, drawn: shown, index, rows, field }}
                  streamKey={stream.key}
                  unit={unitOf(metaOf(stream.key), field)}
                />
              ))}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface StreamRowProps {
  readonly stream: PlotStream;
  readonly plot: Plot;
  readonly isOwn: boolean;
}

function StreamRow({ stream: { key, fields }, plot, isOwn }: StreamRowProps) {
  return (
    <tr class="stream-row">
      <th scope="rowgroup" colSpan={5}>
        <ElidedName name={key} />
        {fields.length === 0 && <span class="hint">no numbers yet</span>}
      </th>
      <td>
        {!isOwn && (
          <button
            type="button"
            class="quiet icon"
            aria-label={`Remove ${key} from the plot`}
            title="Remove"
            onClick={() => plot.toggleStream(key)}
          >
            <Icon of="close" small />
          </button>
        )}
      </td>
    </tr>
  );
}

interface LineRowProps {
  readonly plot: Plot;
  readonly drawn: Drawn;
  readonly index: number | undefined;
  /** Rows of the statistics; undefined for all. */
  readonly rows: Rows | undefined;
  readonly streamKey: string;
  readonly field: string;
  readonly unit: string;
}

function LineRow({ plot, drawn, index, rows, streamKey, field, unit }: LineRowProps) {
  const isOf = ({ key, path }: PlotLine) => key === streamKey && path === field;
  const line = plot.lines.value.find(isOf);
  const at = drawn.lines.findIndex(isOf);
  const facts = lineFacts(drawn.data[at + 1] ?? [], index, rows);
  const newest = plot.slowWindows.value.find(({ key }) => key === streamKey)?.entries.at(-1);
  const value = at >= 0 ? facts.value : newest && numbersOf(newest).get(field);
  const statistics = at >= 0 ? [facts.min, facts.mean, facts.max].map(numberText) : ["", "", ""];
  return (
    <tr class={line === undefined ? "off" : ""}>
      <th scope="row">
        <label>
          <input
            type="checkbox"
            checked={line !== undefined}
            onChange={() => plot.toggleLine(streamKey, field)}
          />
          <i class={line === undefined ? "swatch" : `swatch line-${line.colour % LINE_COLOURS}`} />
          {field}
        </label>
      </th>
      <td class="value">
        {numberText(value)} {unit}
      </td>
      {statistics.map((text, i) => (
        <td key={i} class="statistic">
          {text}
        </td>
      ))}
      <td>
        {line !== undefined && (
          <button
            type="button"
            class="quiet icon"
            aria-label={`${field} at the right axis`}
            aria-pressed={line.isRight}
            title={line.isRight ? "Right axis; click for the left one" : "Left axis; click for the right one"}
            onClick={() => plot.toggleAxis(streamKey, field)}
          >
            {line.isRight ? "R" : "L"}
          </button>
        )}
      </td>
    </tr>
  );
}
