/**
 * Runs stepwise work to its end without a pause, for work that is known to be short.
 *
 * @returns what the generator returns
 * @throws the generator's error
 */
export function runAtOnce<T>(work: Iterator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
