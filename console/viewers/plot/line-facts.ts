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

/** Computes the facts of a column. @param index position of the value; undefined for the newest one */
export function lineFacts(column: Column, index: number | undefined): LineFacts {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let count = 0;
  let last: number | undefined;
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    count++;
    last = value;
  }
  if (count === 0) return { value: undefined, min: undefined, mean: undefined, max: undefined };
  const row = index === undefined ? null : rowOfValue(column, Math.min(index, column.length - 1));
  const value = index === undefined ? last : row === null ? undefined : (column[row] ?? undefined);
  return { value, min, mean: sum / count, max };
}

/** Returns the last row of a millisecond or before it; undefined if all are later. @param seconds of the millisecond */
export function rowAt(times: ArrayLike<number>, seconds: number): number | undefined {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < seconds + 0.001) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : low - 1;
}
