/** Plot viewer: numbers over time. Drag to zoom in, double-click to zoom out. */
import { type ReadonlySignal, type Signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { PulledEntry } from "../../../client/browser.ts";
import { readDeclaration } from "../../../src/domain/content/declaration.ts";
import { LINE_COLOURS } from "../../design/line-colours.ts";
import { numberText } from "../../page/format.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { numbersOf } from "../content.ts";
import type { ViewProps } from "../viewer.ts";
import { FieldWatch } from "./default-fields.ts";
import { lineFacts } from "./line-facts.ts";
import { createLivePlot } from "./live-plot.ts";
import { createPlotColumns } from "./plot-columns.ts";

/** Interval at which the values are updated, ms. */
const UPDATE_MS = 250;

/** The drawn columns and the position of the cursor in them. */
interface Drawn {
  readonly data: uPlot.AlignedData;
  readonly fields: readonly string[];
}

/** Renders the plot and the list of lines. */
export function PlotView({ entries, name, meta, workspace }: ViewProps) {
  const isDark = workspace.theme.isDark.value;
  const isUtc = workspace.isUtc.value;
  const box = useRef<HTMLDivElement>(null);
  const picked = useSignal<ReadonlySet<string> | undefined>(undefined);
  const throttled = useThrottled(entries, UPDATE_MS);
  const watch = useMemo(() => new FieldWatch(), [entries]);
  // Serialized, so that the signal changes only if the fields do.
  const fieldsText = useComputed(() => {
    const all = watch.follow(throttled.value);
    return JSON.stringify([all, watch.shown]);
  });
  const [fields, first]: [readonly string[], readonly string[]] = JSON.parse(fieldsText.value);
  const shown = fields.filter((field) => picked.value?.has(field) ?? first.includes(field));
  const shownText = JSON.stringify(shown.map((field) => [field, fields.indexOf(field)]));
  const drawn = useSignal<Drawn>({ data: [[]], fields: [] });
  const cursor = useSignal<number | undefined>(undefined);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const lines: readonly (readonly [string, number])[] = JSON.parse(shownText);
    const labels = lines.map(([label]) => label);
    const plot = createLivePlot(element, {
      lines: lines.map(([label, colour]) => ({ label, colour })),
      isUtc,
      onCursor: (index) => (cursor.value = index),
    });
    const columns = createPlotColumns(labels);
    const stop = entries.subscribe((all) => {
      const data = columns.follow(all);
      drawn.value = { data, fields: labels };
      plot.show(data);
    });
    return () => {
      stop();
      plot.destroy();
    };
  }, [entries, shownText, isDark, isUtc]);

  return (
    <div class="plot-view">
      <div
        ref={box}
        class="plot"
        role="img"
        aria-label={`${name} over time; the values are in the list below`}
      />
      <Legend
        {...{ fields, shown, drawn, cursor, meta, entries: throttled }}
        toggle={(field) => {
          const set = new Set(shown);
          if (!set.delete(field)) set.add(field);
          picked.value = set;
        }}
      />
    </div>
  );
}

interface LegendProps {
  readonly fields: readonly string[];
  readonly shown: readonly string[];
  readonly drawn: Signal<Drawn>;
  readonly cursor: ReadonlySignal<number | undefined>;
  readonly meta: ReadonlySignal<unknown>;
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly toggle: (field: string) => void;
}

/** List of all fields: swatch, value at the cursor or newest value, and minimum, mean and maximum of what is drawn. */
function Legend({ fields, shown, drawn, cursor, meta, entries, toggle }: LegendProps) {
  const slow = useThrottled(drawn, UPDATE_MS);
  const index = cursor.value;
  // At the cursor the values follow the pointer at once.
  const { data, fields: columns } = index === undefined ? slow.value : drawn.peek();
  const newest = entries.value.at(-1);
  return (
    <div class="legend" tabIndex={0} role="region" aria-label="Lines">
      <table>
        <thead>
          <tr>
            <th scope="col">Line</th>
            <th scope="col">{index === undefined ? "newest" : "cursor"}</th>
            <th scope="col" class="statistic">
              min
            </th>
            <th scope="col" class="statistic">
              mean
            </th>
            <th scope="col" class="statistic">
              max
            </th>
          </tr>
        </thead>
        <tbody>
          {fields.map((field, i) => {
            const at = columns.indexOf(field);
            const facts = lineFacts(data[at + 1] ?? [], index);
            const value = at >= 0 ? facts.value : newest && numbersOf(newest).get(field);
            return (
              <tr key={field} class={at >= 0 ? "" : "off"}>
                <th scope="row">
                  <label>
                    <input type="checkbox" checked={shown.includes(field)} onChange={() => toggle(field)} />
                    <i class={`swatch line-${i % LINE_COLOURS}`} />
                    {field}
                  </label>
                </th>
                <td class="value">
                  {numberText(value)} {unitOf(meta.value, field)}
                </td>
                <td class="statistic">{at >= 0 ? numberText(facts.least) : ""}</td>
                <td class="statistic">{at >= 0 ? numberText(facts.mean) : ""}</td>
                <td class="statistic">{at >= 0 ? numberText(facts.most) : ""}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Returns the unit that the metadata declares for a field; empty if there is none. */
function unitOf(meta: unknown, field: string): string {
  const { units } = readDeclaration(meta).declaration;
  return typeof units === "string" ? units : (units?.[field] ?? "");
}
