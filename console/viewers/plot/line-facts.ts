/** Value, minimum, mean and maximum of a line. */

/** Facts about a line. */
export interface LineFacts {
  readonly value: number | undefined;
  readonly least: number | undefined;
  readonly mean: number | undefined;
  readonly most: number | undefined;
}

/** Computes the facts of a column. @param index position of the value; undefined for the newest one */
export function lineFacts(
  column: ArrayLike<number | null | undefined>,
  index: number | undefined,
): LineFacts {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let count = 0;
  let last: number | undefined;
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
    sum += value;
    count++;
    last = value;
  }
  if (count === 0) return { value: undefined, least: undefined, mean: undefined, most: undefined };
  const value = index === undefined ? last : (column[index] ?? undefined);
  return { value, least, mean: sum / count, most };
}
