/** Numbers in JSON over time. Drag to zoom in, double-click to zoom out. */
import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import { useContext, useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { PulledEntry } from "../../client/browser.ts";
import { numbersOf } from "../content.ts";
import { ThemeContext } from "../theme.ts";

/** Lines drawn unless others are picked. */
const FIRST_FIELDS = 6;
/** Lines apart enough to be told from each other, as the style sheet names them. */
const COLOURS = 6;
const HEIGHT = 260;

interface PlotViewerProps {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  readonly name: string;
}

/** The plot, and what is in it. */
export function PlotViewer({ entries, name }: PlotViewerProps) {
  const isDark = useContext(ThemeContext)?.isDark.value;
  const box = useRef<HTMLDivElement>(null);
  const picked = useSignal<ReadonlySet<string> | undefined>(undefined);
  // As one text, so that it changes only when the fields do.
  const names = useComputed(() => {
    const newest = entries.value.at(-1);
    return JSON.stringify(newest === undefined ? [] : [...numbersOf(newest).keys()]);
  });
  const fields: readonly string[] = JSON.parse(names.value);
  const shown = fields.filter((field, i) => picked.value?.has(field) ?? i < FIRST_FIELDS);
  const shownText = JSON.stringify(shown);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const lines: readonly string[] = JSON.parse(shownText);
    let isZoomed = false;
    const plot = new uPlot(
      {
        width: element.clientWidth || 600,
        height: HEIGHT,
        series: [
          {},
          ...lines.map((label, i) => ({ label, stroke: colour(element, `--line-${i % COLOURS}`) })),
        ],
        axes: [0, 1].map(() => ({
          stroke: colour(element, "--text"),
          grid: { stroke: colour(element, "--edge") },
          ticks: { stroke: colour(element, "--edge") },
        })),
        hooks: {
          setSelect: [({ select }) => (isZoomed = select.width > 0)],
        },
      },
      [[], ...lines.map(() => [])],
      element,
    );
    const unzoom = () => (isZoomed = false);
    plot.over.addEventListener("dblclick", unzoom);
    const stop = entries.subscribe((all) => plot.setData(columnsOf(all, lines), !isZoomed));
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      stop();
      observer.disconnect();
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
            {field} <LastValue entries={entries} field={field} />
          </label>
        ))}
      </fieldset>
    </>
  );
}

/** The newest value in words. Apart, so that a new entry draws this alone. */
function LastValue({
  entries,
  field,
}: {
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  field: string;
}) {
  const newest = entries.value.at(-1);
  const value = newest && numbersOf(newest).get(field);
  return <output>{value === undefined ? "–" : Number(value.toPrecision(6))}</output>;
}

function columnsOf(entries: readonly PulledEntry[], fields: readonly string[]): uPlot.AlignedData {
  return [
    entries.map(secondsOf),
    ...fields.map((field) => entries.map((entry) => numbersOf(entry).get(field) ?? null)),
  ];
}

/** Entries of one millisecond stand a little apart, in their order. */
const secondsOf = ({ timeMs, id }: PulledEntry): number =>
  (timeMs + Math.min(Number(id.split("-")[1]), 999) / 1000) / 1000;

/** A colour that the style sheet names, as the theme has it now: resolved by the browser, since a canvas cannot. */
function colour(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
