/**
 * Runs work that is written as steps to its end at once: where it is known to be short.
 *
 * @returns what the generator returns
 * @throws whatever the generator throws
 */
export function runAtOnce<T>(work: Iterator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
