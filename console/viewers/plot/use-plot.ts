/** Streams and lines of a plot: those of the pane's own stream, and those of streams that the user has added. */
import { type ReadonlySignal, useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { PulledEntry } from "../../../client/browser.ts";
import { useFeeds } from "../../feed/use-feeds.ts";
import { useThrottled } from "../../page/use-throttled.ts";
import { MAX_PLOTTED, type PlottedStream } from "../../workspace/plotted.ts";
import type { ViewProps } from "../viewer.ts";
import { FieldWatch } from "./default-fields.ts";
import {
  chosenOf,
  LineColours,
  type PlotLine,
  type PlotStream,
  withLine,
  withOtherAxis,
} from "./plot-lines.ts";

/** Interval at which fields and values are updated, ms. */
export const UPDATE_MS = 250;

/** Displayed entries of a stream. */
export interface PlotWindow {
  readonly key: string;
  readonly entries: readonly PulledEntry[];
  /** Entries after the shown moment of the past. */
  readonly later: readonly PulledEntry[];
}

/** State of a plot, and the user's changes to it. */
export interface Plot {
  readonly windows: ReadonlySignal<readonly PlotWindow[]>;
  /** The windows, updated at intervals. */
  readonly slowWindows: ReadonlySignal<readonly PlotWindow[]>;
  readonly streams: ReadonlySignal<readonly PlotStream[]>;
  readonly lines: ReadonlySignal<readonly PlotLine[]>;
  toggleLine(key: string, path: string): void;
  toggleAxis(key: string, path: string): void;
  /** Adds a stream, or removes it. The pane's own stream stays. */
  toggleStream(key: string): void;
  /** Adds a stream if it is not plotted yet. */
  addStream(key: string): void;
}

/** Follows the streams of a plot. */
export function usePlot({
  entries,
  later,
  name,
  workspace,
}: Pick<ViewProps, "entries" | "later" | "name" | "workspace">): Plot {
  const { layout } = workspace;
  const watches = useMemo(() => new Map<string, FieldWatch>(), [entries]);
  const colours = useMemo(() => new LineColours(), []);
  // Texts, so that these signals change only if their values do.
  const plottedText = useComputed(() =>
    JSON.stringify(layout.panes.value.find(({ key }) => key === name)?.plotted ?? [{ key: name }]),
  );
  const plotted = useComputed((): readonly PlottedStream[] => JSON.parse(plottedText.value));
  const othersText = useComputed(() => JSON.stringify(plotted.value.slice(1).map(({ key }) => key)));
  const others = useComputed((): readonly string[] => JSON.parse(othersText.value));
  const feeds = useFeeds(workspace, others, { spanMs: workspace.spanMs });
  const windows = useComputed((): readonly PlotWindow[] => [
    { key: name, entries: entries.value, later: later.value },
    ...feeds.value.map((feed) => ({
      key: feed.key,
      entries: feed.entries.value,
      later: feed.later.value,
    })),
  ]);
  const slowWindows = useThrottled(windows, UPDATE_MS);
  const streamsText = useComputed(() =>
    JSON.stringify(
      plotted.value.map((stream) => {
        const watch = watches.get(stream.key) ?? new FieldWatch();
        watches.set(stream.key, watch);
        const fields = watch.follow(slowWindows.value.find(({ key }) => key === stream.key)?.entries ?? []);
        const chosen = (stream.lines ?? []).map(({ path }) => path);
        return { ...stream, fields: [...new Set([...fields, ...chosen])], defaults: watch.shown };
      }),
    ),
  );
  const streams = useComputed((): readonly PlotStream[] => JSON.parse(streamsText.value));
  const lines = useComputed(() => colours.linesOf(streams.value));
  return useMemo(() => {
    const chosen = () => chosenOf(streams.peek(), lines.peek());
    const plot: Plot = {
      windows,
      slowWindows,
      streams,
      lines,
      toggleLine(key, path) {
        const colour = colours.colourOf(key, path, lines.peek());
        layout.change(name, { plotted: withLine(chosen(), key, { path, colour, isRight: false }) });
      },
      toggleAxis: (key, path) => layout.change(name, { plotted: withOtherAxis(chosen(), key, path) }),
      toggleStream(key) {
        if (!plotted.peek().some((stream) => stream.key === key)) plot.addStream(key);
        else if (key !== name)
          layout.change(name, { plotted: chosen().filter((stream) => stream.key !== key) });
      },
      addStream(key) {
        const isKnown = plotted.peek().some((stream) => stream.key === key);
        if (!isKnown && plotted.peek().length < MAX_PLOTTED)
          layout.change(name, { plotted: [...chosen(), { key }] });
      },
    };
    return plot;
  }, [entries, name]);
}
