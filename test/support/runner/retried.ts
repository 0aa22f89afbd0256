/** Reporter of tests that passed on their second try: vitest itself does not print why the first one failed. */
import type { Reporter, TestCase } from "vitest/node";

/** Prints the errors of retried tests at the end of the run. */
export class RetriedTests implements Reporter {
  readonly #retried: TestCase[] = [];

  /** Called by vitest. */
  onTestCaseResult(test: TestCase): void {
    if ((test.diagnostic()?.retryCount ?? 0) > 0 && test.result().state === "passed")
      this.#retried.push(test);
  }

  /** Called by vitest. */
  onTestRunEnd(): void {
    for (const test of this.#retried) {
      const errors = test.result().errors ?? [];
      const reasons = errors.map(({ stack, message, diff }) => [stack ?? message, diff ?? ""].join("\n"));
      process.stdout.write(
        `\nretried: ${test.module.relativeModuleId} > ${test.fullName}\n${reasons.join("\n")}\n`,
      );
    }
  }
}
