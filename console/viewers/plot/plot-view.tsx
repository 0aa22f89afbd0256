/** Plot viewer: numbers of one or more streams over time. A click shows its moment; drag to zoom in, double-click to zoom out. */
import { effect, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { PulledEntry } from "../../../client/browser.ts";
import { msOfId } from "../../page/format.ts";
import { useStreamDrop } from "../../page/use-stream-drop.ts";
import type { ViewProps } from "../viewer.ts";
import { type Drawn, Legend, type ZoomRange } from "./legend.tsx";
import { createLivePlot } from "./live-plot.ts";
import { mergeColumns, sharedStart } from "./merge-columns.ts";
import { createPlotColumns } from "./plot-columns.ts";
import type { PlotLine } from "./plot-lines.ts";
import { StreamPicker } from "./stream-picker.tsx";
import { axisUnits } from "./units.ts";
import { type PlotWindow, usePlot } from "./use-plot.ts";
import "./plot-view.css";

/** The plots as a view of the shared cursor: uPlot synchronizes them. */
const PLOTS = "plots";

/** Renders the plot and the list of lines. */
export function PlotView(props: ViewProps) {
  const { name, meta, workspace } = props;
  const { listing } = workspace;
  const isDark = workspace.theme.isDark.value;
  const isUtc = workspace.isUtc.value;
  const box = useRef<HTMLDivElement>(null);
  const plot = usePlot(props);
  const metaOf = (key: string): unknown =>
    key === name ? meta.value : listing.streams.value?.find((stream) => stream.key === key)?.meta;
  // Texts, so that the plot is created again only if its lines or units change.
  const linesText = useComputed(() => JSON.stringify(plot.lines.value)).value;
  const unitsText = useComputed(() => JSON.stringify(axisUnits(plot.lines.value, metaOf))).value;
  const drawn = useSignal<Drawn>({ data: [[]], lines: [] });
  const cursor = useSignal<number | undefined>(undefined);
  const zoom = useSignal<ZoomRange | undefined>(undefined);
  // Only a plot that continues after the moment marks it.
  const moment = useComputed(() => {
    const isMarked = plot.windows.value.some(({ later }) => later.length > 0);
    const ms = isMarked ? msOfId(workspace.clock.position ?? "") : undefined;
    return ms === undefined ? undefined : ms / 1000;
  });
  const whole = useRef<HTMLDivElement>(null);
  const isDropTarget = useStreamDrop(whole, plot.addStream);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const lines: readonly PlotLine[] = JSON.parse(linesText);
    const live = createLivePlot(element, {
      lines: lines.map(({ path, ...line }) => ({ ...line, label: path })),
      units: JSON.parse(unitsText),
      isUtc,
      onCursor: (index) => {
        cursor.value = index;
      },
      onPoint: (seconds) => {
        if (seconds === undefined) workspace.cursor.leave(PLOTS);
        else workspace.cursor.point(PLOTS, seconds * 1000);
      },
      onClick: (seconds) => workspace.clock.seek(String(Math.round(seconds * 1000))),
      onZoom: (range) => {
        zoom.value = range;
      },
      marker: () => moment.peek(),
    });
    const dataOf = columnsOf(lines);
    const stop = effect(() => {
      const windows = plot.windows.value;
      live.show(() => {
        const data = dataOf(windows);
        drawn.value = { data, lines };
        return data;
      });
    });
    const stopCursor = effect(() => {
      const pointed = workspace.cursor.pointed.value;
      live.point(pointed === undefined || pointed.view === PLOTS ? undefined : pointed.ms / 1000);
    });
    return () => {
      stop();
      stopCursor();
      live.destroy();
      zoom.value = undefined;
      workspace.cursor.leave(PLOTS);
    };
  }, [plot, linesText, unitsText, isDark, isUtc, workspace]);

  return (
    <div ref={whole} class={isDropTarget.value ? "plot-view drop-target" : "plot-view"}>
      <div
        ref={box}
        class="plot"
        role="img"
        title="Click to go to a moment, drag to zoom, double-click to reset"
        aria-label={`${name} over time; the values are in the list below`}
      />
      <Legend {...{ plot, drawn, cursor, zoom, moment, isUtc, metaOf }} />
      <div class="below">
        <StreamPicker {...{ name, plot, listing }} />
      </div>
    </div>
  );
}

/** Returns a function that computes the columns of lines. */
function columnsOf(lines: readonly PlotLine[]): (windows: readonly PlotWindow[]) => uPlot.AlignedData {
  const keys = [...new Set(lines.map(({ key }) => key))];
  const streams = keys.map((key) => ({
    key,
    columns: createPlotColumns(lines.filter((line) => line.key === key).map(({ path }) => path)),
  }));
  return (windows) => {
    const tables = streams.map(({ key, columns }) =>
      columns.follow(drawnEntries(windows.find((window) => window.key === key))),
    );
    const [only = [[]]] = tables;
    return tables.length < 2 ? only : mergeColumns(tables, sharedStart(tables));
  };
}

function drawnEntries(window: PlotWindow | undefined): readonly PulledEntry[] {
  if (window === undefined) return [];
  return window.later.length === 0 ? window.entries : [...window.entries, ...window.later];
}
