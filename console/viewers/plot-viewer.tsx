/** Plot viewer: numbers of JSON payloads over time. Drag to zoom in, double-click to zoom out. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useContext, useEffect, useRef } from "preact/hooks";
import type { PulledEntry } from "../../client/browser.ts";
import { ThemeContext } from "../page/theme.ts";
import { useThrottled } from "../page/use-throttled.ts";
import { numbersOf } from "./content.ts";
import { createLivePlot } from "./live-plot.ts";
import { createPlotColumns } from "./plot-columns.ts";

/** Number of lines drawn by default. */
const FIRST_FIELDS = 6;
const HEIGHT = 260;
/** Interval at which the values are updated, ms. */
const UPDATE_MS = 250;

interface PlotViewerProps {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly name: string;
}

/** Renders the plot and the list of fields. */
export function PlotViewer({ entries, name }: PlotViewerProps) {
  const isDark = useContext(ThemeContext)?.isDark.value;
  const box = useRef<HTMLDivElement>(null);
  const picked = useSignal<ReadonlySet<string> | undefined>(undefined);
  const throttled = useThrottled(entries, UPDATE_MS);
  // Serialized, so that the signal changes only if the fields do.
  const names = useComputed(() => {
    const newest = throttled.value.at(-1);
    return JSON.stringify(newest === undefined ? [] : [...numbersOf(newest).keys()]);
  });
  const fields: readonly string[] = JSON.parse(names.value);
  const shown = fields.filter((field, i) => picked.value?.has(field) ?? i < FIRST_FIELDS);
  const shownText = JSON.stringify(shown);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const labels: readonly string[] = JSON.parse(shownText);
    const plot = createLivePlot(element, { labels, height: HEIGHT });
    const columns = createPlotColumns(labels);
    const stop = entries.subscribe((all) => plot.show(columns.follow(all)));
    return () => {
      stop();
      plot.destroy();
    };
  }, [entries, shownText, isDark]);

  return (
    <>
      <div
        ref={box}
        class="plot"
        role="img"
        aria-label={`${name} over time; the values are in the list below`}
      />
      <fieldset>
        <legend>Lines</legend>
        {fields.map((field) => (
          <label key={field}>
            <input
              type="checkbox"
              checked={shown.includes(field)}
              onChange={() => {
                const set = new Set(picked.value ?? fields.slice(0, FIRST_FIELDS));
                if (!set.delete(field)) set.add(field);
                picked.value = set;
              }}
            />
            {field} <LastValue entries={throttled} field={field} />
          </label>
        ))}
      </fieldset>
    </>
  );
}

/** Newest value of a field. A component of its own, so that a new entry re-renders only this. */
function LastValue({
  entries,
  field,
}: {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  field: string;
}) {
  const newest = entries.value.at(-1);
  const value = newest && numbersOf(newest).get(field);
  return <output class="value">{value === undefined ? "–" : Number(value.toPrecision(6))}</output>;
}
