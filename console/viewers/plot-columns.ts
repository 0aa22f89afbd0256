/**
 * The numbers of a feed's entries in columns, as uPlot wants them. A feed hands its whole window over each time, of
 * which most is known already: only what is new is read, and what fell out of the window is cut off.
 */
import type uPlot from "uplot";
import type { PulledEntry } from "../../client/browser.ts";
import { entriesAfter, numbersOf } from "../content.ts";

/** Columns that follow a window. */
export interface PlotColumns {
  /** @param entries the window now, oldest first */
  follow(entries: readonly PulledEntry[]): uPlot.AlignedData;
}

/** Makes columns of these fields. */
export function createPlotColumns(fields: readonly string[]): PlotColumns {
  let seen: PulledEntry | undefined;
  let times: number[] = [];
  let values: (number | null)[][] = fields.map(() => []);

  function add(entry: PulledEntry): void {
    const time = secondsOf(entry);
    if (entry.gap) {
      // A line over what is missing would say that there were values.
      times.push(time - 1e-6);
      for (const column of values) column.push(null);
    }
    times.push(time);
    const numbers = numbersOf(entry);
    values.forEach((column, i) => {
      column.push(numbers.get(fields[i] ?? "") ?? null);
    });
  }

  return {
    follow(entries) {
      const [oldest] = entries;
      const known = seen !== undefined && entries.lastIndexOf(seen) >= 0;
      if (!known || oldest === undefined) {
        times = [];
        values = fields.map(() => []);
      }
      for (const entry of entriesAfter(entries, known ? seen : undefined)) add(entry);
      seen = entries.at(-1);
      const start = oldest === undefined ? 0 : times.indexOf(secondsOf(oldest));
      if (start > 0) {
        times.splice(0, start);
        for (const column of values) column.splice(0, start);
      }
      // Stepped back: what is behind the last entry is cut off.
      const end = seen === undefined ? 0 : times.lastIndexOf(secondsOf(seen)) + 1;
      if (end < times.length) {
        times.length = end;
        for (const column of values) column.length = end;
      }
      return [times, ...values];
    },
  };
}

/** Entries of one millisecond stand a little apart, in their order. */
const secondsOf = ({ timeMs, id }: PulledEntry): number =>
  (timeMs + Math.min(Number(id.slice(id.indexOf("-") + 1)), 999) / 1000) / 1000;
