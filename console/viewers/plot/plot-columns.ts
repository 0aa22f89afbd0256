/**
 * Columns of numbers for uPlot. A feed passes its complete window each time. Only new entries are parsed, and entries that
 * left the window are removed.
 */
import type { PulledEntry } from "../../../client/browser.ts";
import { entriesAfter, numbersOf } from "../content.ts";

/** Times, and the values of each field; null where an entry lacks it. */
export type PlotTable = [times: number[], ...values: (number | null)[][]];

/** Columns of a sliding window. */
export interface PlotColumns {
  /** Updates the columns. @param entries the current window, oldest first */
  follow(entries: readonly PulledEntry[]): PlotTable;
}

/** A time without entries is a pause of the device if it is this many times as long as usual, and at least `MIN_PAUSE` (s). */
const PAUSE_FACTOR = 10;
const MIN_PAUSE = 2;
/** Weight of the newest interval in the usual one. */
const NEWEST_WEIGHT = 0.1;

/** Creates columns for these fields. */
export function createPlotColumns(fields: readonly string[]): PlotColumns {
  let seen: PulledEntry | undefined;
  /** Usual interval between entries, s; undefined before the second entry. */
  let interval: number | undefined;
  let times: number[] = [];
  let values: (number | null)[][] = fields.map(() => []);

  function add(entry: PulledEntry): void {
    const time = secondsOf(entry);
    if (entry.gap || isAfterPause(time)) {
      // The line is broken, because a line across a gap or a pause would suggest values. In the middle, so that the pointer still
      // finds the entries on both sides.
      times.push(((times.at(-1) ?? time) + time) / 2);
      for (const column of values) column.push(null);
    }
    times.push(time);
    const numbers = numbersOf(entry);
    values.forEach((column, i) => {
      column.push(numbers.get(fields[i] ?? "") ?? null);
    });
  }

  function isAfterPause(time: number): boolean {
    const last = times.at(-1);
    if (last === undefined) return false;
    const passed = time - last;
    const usual = interval ?? passed;
    // Pauses count, so that a device that becomes slower has a line again.
    interval = usual + (passed - usual) * NEWEST_WEIGHT;
    return passed > Math.max(MIN_PAUSE, usual * PAUSE_FACTOR);
  }

  return {
    follow(entries) {
      const [oldest] = entries;
      const known = seen !== undefined && entries.lastIndexOf(seen) >= 0;
      if (!known || oldest === undefined) {
        times = [];
        values = fields.map(() => []);
        interval = undefined;
      }
      for (const entry of entriesAfter(entries, known ? seen : undefined)) add(entry);
      seen = entries.at(-1);
      const start = oldest === undefined ? 0 : times.indexOf(secondsOf(oldest));
      if (start > 0) {
        times.splice(0, start);
        for (const column of values) column.splice(0, start);
      }
      // After a step back, entries after the last one are removed.
      const end = seen === undefined ? 0 : times.lastIndexOf(secondsOf(seen)) + 1;
      if (end < times.length) {
        times.length = end;
        for (const column of values) column.length = end;
      }
      return [times, ...values];
    },
  };
}

/** Returns the time in seconds. Entries of one millisecond are spread by their sequence number. */
const secondsOf = ({ timeMs, id }: PulledEntry): number =>
  (timeMs + Math.min(Number(id.slice(id.indexOf("-") + 1)), 999) / 1000) / 1000;
