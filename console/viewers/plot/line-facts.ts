/** Value, minimum, mean and maximum of a line. */

/** Facts about a line. */
export interface LineFacts {
  readonly value: number | undefined;
  readonly min: number | undefined;
  readonly mean: number | undefined;
  readonly max: number | undefined;
}

/** Column of a line: null is a gap, and undefined is a time of another stream. */
type Column = ArrayLike<number | null | undefined>;

/**
 * Returns the row of the value that a line has at a row: this one, or the last one before it, because rows of other streams
 * have no value of this line. Null in a gap, and before the first value.
 */
export function rowOfValue(column: Column, index: number): number | null {
  let row = index;
  while (row >= 0 && column[row] === undefined) row--;
  return row < 0 || column[row] === null ? null : row;
}

/** Rows of a range: `from` and those after it, before `to`. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/**
 * Computes the facts of a column.
 *
 * @param index position of the value; undefined for the newest one
 * @param rows rows of minimum, mean and maximum; all by default
 */
export function lineFacts(
  column: Column,
  index: number | undefined,
  { from, to }: Rows = { from: 0, to: column.length },
): LineFacts {
  const row =
    index === undefined ? newestRow(column) : rowOfValue(column, Math.min(index, column.length - 1));
  const value = row === null ? undefined : (column[row] ?? undefined);
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let count = 0;
  for (let i = from; i < to; i++) {
    const one = column[i];
    if (!isValue(one)) continue;
    min = Math.min(min, one);
    max = Math.max(max, one);
    sum += one;
    count++;
  }
  if (count === 0) return { value, min: undefined, mean: undefined, max: undefined };
  return { value, min, mean: sum / count, max };
}

function newestRow(column: Column): number | null {
  let row = column.length - 1;
  while (row >= 0 && !isValue(column[row])) row--;
  return row < 0 ? null : row;
}

const isValue = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);

/** Returns the last row of a millisecond or before it; undefined if all are later. @param seconds of the millisecond */
export function rowAt(times: ArrayLike<number>, seconds: number): number | undefined {
  const next = firstRow(times, seconds + 0.001);
  return next === 0 ? undefined : next - 1;
}

/** Returns the rows from `min` on and before `max`, Unix seconds. */
export const rowsIn = (times: ArrayLike<number>, [min, max]: readonly [min: number, max: number]): Rows => ({
  from: firstRow(times, min),
  to: firstRow(times, max),
});

/** Returns the first row at or after a time; the number of rows if all are before it. */
function firstRow(times: ArrayLike<number>, seconds: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}
