/** What many numbers come to: medians over rounds, percentiles over deliveries. */

/** The middle value, or the mean of the two middle ones. NaN where there are none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Numbers in the order they came, kept flat so that recording one costs nothing the measured side would feel. */
export interface Samples {
  readonly count: number;
  add(value: number): void;
  /**
   * The value that `share` of the samples do not exceed.
   *
   * @param share 0.99 for p99
   * @param from first sample looked at, as `count` was when it came
   * @param to the sample after the last one looked at
   */
  percentile(share: number, from?: number, to?: number): number;
}

/** @param capacity samples there is room for before the first time the buffer has to be doubled */
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
