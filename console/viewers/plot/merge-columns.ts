/** Columns of several streams on one time axis. */

/** Columns of a stream: times, and values for each line. */
export type Columns = readonly [times: readonly number[], ...values: (readonly Value[])[]];

/** A value; null is a gap of the stream, and undefined is a time of another stream. */
export type Value = number | null | undefined;

/** Merged columns, as uPlot reads them. */
export type MergedColumns = [times: number[], ...values: Value[][]];

/** Shortest range that several streams share, s. */
const MIN_RANGE = 10;

/**
 * Returns the time from which on several streams are shown: a dense stream has fewer seconds than a sparse one, and would be
 * a sliver at the end of its range.
 */
export function sharedStart(tables: readonly Columns[]): number {
  const filled = tables.map(([times]) => times).filter((times) => times.length > 0);
  const newest = Math.max(...filled.map((times) => times.at(-1) ?? 0));
  const latestStart = Math.max(...filled.map(([first = 0]) => first));
  return Math.min(latestStart, newest - MIN_RANGE);
}

/** Merges the columns by time. Rows before `start` are left out. */
export function mergeColumns(tables: readonly Columns[], start: number): MergedColumns {
  const at = tables.map(([times]) => firstFrom(times, start));
  const times: number[] = [];
  const columns: Value[][] = tables.flatMap(([, ...values]) => values.map(() => []));
  for (;;) {
    let next = Number.POSITIVE_INFINITY;
    tables.forEach(([own], i) => {
      next = Math.min(next, own[at[i] ?? 0] ?? Number.POSITIVE_INFINITY);
    });
    if (next === Number.POSITIVE_INFINITY) return [times, ...columns];
    times.push(next);
    let column = 0;
    tables.forEach(([own, ...values], i) => {
      const row = at[i] ?? 0;
      const isOwn = own[row] === next;
      for (const one of values) columns[column++]?.push(isOwn ? one[row] : undefined);
      if (isOwn) at[i] = row + 1;
    });
  }
}

function firstFrom(times: readonly number[], start: number): number {
  const found = times.findIndex((time) => time >= start);
  return found < 0 ? times.length : found;
}
