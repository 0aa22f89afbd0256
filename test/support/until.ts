/** Waiting for a condition, for what no message tells of. */

/** Longest pause (ms) between two looks. Looking all the time would take the processor from what is waited for. */
const LONGEST_PAUSE_MS = 20;

/**
 * Resolves when the condition holds.
 *
 * @param withinMs far more than anything takes: a machine may be busy with other things, or have one core
 * @throws Error that names what did not happen within the time
 */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  let pauseMs = 1;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`did not come to be: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.2);
  }
}

/** Lets the event loop turn. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
