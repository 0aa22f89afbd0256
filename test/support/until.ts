/** Waits for a condition that no message reports. */

/** Time limit (ms) of a property test, for a busy machine. A wait without progress ends earlier. */
export const PROPERTY_MS = 600_000;

/** Time (ms) after which a wait without progress is stuck, also on a busy machine or with one core. */
export const WITHOUT_PROGRESS_MS = 60_000;

/** Maximum pause between two checks, in ms. Constant checks would take CPU time from the code under test. */
const LONGEST_PAUSE_MS = 50;

/**
 * Resolves when the condition holds.
 *
 * @param withinMs timeout
 * @param progress returns a value that changes with each step towards the condition. The timeout begins again with each, so
 * that the wait may take as long as a busy machine needs
 * @throws Error that names the condition if it does not hold within the time
 */
export async function until(
  what: string | (() => string | Promise<string>),
  condition: () => boolean | Promise<boolean>,
  withinMs = WITHOUT_PROGRESS_MS,
  progress: () => number = () => 0,
): Promise<void> {
  let reached = progress();
  let deadline = performance.now() + withinMs;
  let pauseMs = 1;
  while (!(await condition())) {
    if (progress() !== reached) {
      reached = progress();
      deadline = performance.now() + withinMs;
    }
    if (performance.now() > deadline)
      throw new Error(`timed out waiting until: ${typeof what === "string" ? what : await what()}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.2);
  }
}

/** Waits for event-loop turns. */
export async function eventLoopTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
