/** Waits for a condition that no message reports. */

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

/** Waits for event-loop turns. */
export async function eventLoopTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
