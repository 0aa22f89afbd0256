/** Waits for a condition that no message reports. */

/** Time limit (ms) of a property test, for a busy machine. A run that is stuck ends earlier (`untilDone`). */
export const PROPERTY_MS = 600_000;

/** Maximum pause between two checks, in ms. Constant checks would take CPU time from the code under test. */
const LONGEST_PAUSE_MS = 20;

/**
 * Resolves when the condition holds.
 *
 * @param withinMs timeout, generous because the machine may be busy or have one core
 * @throws Error that names the condition if it does not hold within the time
 */
export async function until(
  what: string | (() => string | Promise<string>),
  condition: () => boolean | Promise<boolean>,
  withinMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  let pauseMs = 1;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`timed out waiting until: ${typeof what === "string" ? what : await what()}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.2);
  }
}

/**
 * Like `until`, but the time begins again with each progress: the wait may take as long as a busy machine needs.
 *
 * @param progress a value that changes with each step towards the condition
 */
export async function untilDone(
  what: () => string,
  condition: () => boolean,
  progress: () => number,
  withinMs = 60_000,
): Promise<void> {
  for (let reached = progress(); ; reached = progress()) {
    try {
      await until(what, condition, withinMs);
      return;
    } catch (error) {
      if (progress() === reached) throw error;
    }
  }
}

/** Waits for event-loop turns. */
export async function eventLoopTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
