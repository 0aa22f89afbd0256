/** Statistics: medians over rounds, percentiles over deliveries. */

/** Returns the middle value, or the mean of the two middle ones; NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Samples in the order of arrival, in a flat buffer so that recording one does not affect the measurement. */
export interface Samples {
  readonly count: number;
  add(value: number): void;
  /**
   * Returns the value that `share` of the samples do not exceed.
   *
   * @param share 0.99 for p99
   * @param from index of the first sample
   * @param to index after the last sample
   */
  percentile(share: number, from?: number, to?: number): number;
}

/** @param capacity initial capacity of the buffer, which is doubled when it is full */
export function createSamples(capacity = 2 ** 16): Samples {
  let values = new Float64Array(capacity);
  let count = 0;
  return {
    get count() {
      return count;
    },
    add(value) {
      if (count === values.length) {
        const wider = new Float64Array(values.length * 2);
        wider.set(values);
        values = wider;
      }
      values[count++] = value;
    },
    percentile(share, from = 0, to = count) {
      const sorted = values.slice(from, Math.min(to, count)).sort();
      return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
    },
  };
}
