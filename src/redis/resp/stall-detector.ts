/**
 * Stall detector of one connection, which is closed if Redis does not reply to pending commands. A socket timeout is not
 * enough, because every write resets it, and health probes keep writing.
 */

/** Watches one connection. */
export interface StallDetector {
  /** Call when data arrives from Redis. */
  received(): void;
  stop(): void;
}

/** Checks per stall period. */
const CHECKS = 4;

/**
 * Starts a detector.
 *
 * @param ms time without data that counts as a stall. It is reported after 1 to 1.5 times this time
 * @param isPending whether a command waits for its reply
 * @param onStall called when the time has passed
 */
export function detectStalls(ms: number, isPending: () => boolean, onStall: () => void): StallDetector {
  let hasReceived = false;
  /** Consecutive checks without data. Checks are counted so that a pause of this process does not look like a stall. */
  let quiet = 0;
  const timer = setInterval(() => {
    quiet = hasReceived || !isPending() ? 0 : quiet + 1;
    hasReceived = false;
    if (quiet > CHECKS) onStall();
  }, ms / CHECKS);
  return {
    received() {
      hasReceived = true;
    },
    stop: () => clearInterval(timer),
  };
}
