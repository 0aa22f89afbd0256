/** Growth of a cost with a quantity. */

/** Largest exponent that counts as constant, so that noise does not look like growth. */
const CONSTANT = 0.1;
/** Smallest exponent that counts as linear. */
const LINEAR = 0.9;

/**
 * Returns the exponent `e` of `cost = a × quantity^e` by least squares over the logarithms: 0 for a constant cost, 1 for a
 * linear one.
 */
export function exponentOf(quantities: readonly number[], costs: readonly number[]): number {
  const x = quantities.map(Math.log);
  const y = costs.map(Math.log);
  const [meanX, meanY] = [mean(x), mean(y)];
  const covariance = mean(x.map((value, i) => (value - meanX) * ((y[i] ?? Number.NaN) - meanY)));
  return covariance / mean(x.map((value) => (value - meanX) ** 2));
}

/** Describes an exponent in a word. */
export function growthOf(exponent: number): "constant" | "below linear" | "linear" {
  return exponent <= CONSTANT ? "constant" : exponent < LINEAR ? "below linear" : "linear";
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
