/** Sharing of an expensive page among clients that request it at about the same time. */
import { sleep } from "../../../domain/scheduling/sleep.ts";

/** Pause after a computation, as a multiple of its duration: computations use at most a fifth of the time. */
const PAUSE_FACTOR = 4;
/** Maximum pause (ms), so that a slow page does not delay the next scrape for long. */
const MAX_PAUSE_MS = 500;

/**
 * Shares a computation. A client always receives a page that was computed after its request arrived, never an older one:
 * a request waits for the next computation, and all requests that arrive until it begins share it.
 */
export function sharePage<T>(compute: () => Promise<T>): () => Promise<T> {
  /** The next computation, which has not begun. */
  let next: Promise<T> | undefined;
  /** Resolves when the last computation has ended. */
  let last: Promise<unknown> = Promise.resolve();
  let pausedUntilMs = 0;

  async function begin(previous: Promise<unknown>): Promise<T> {
    await previous;
    const pauseMs = pausedUntilMs - performance.now();
    if (pauseMs > 0) await sleep(pauseMs);
    next = undefined;
    const startedAt = performance.now();
    try {
      return await compute();
    } finally {
      const now = performance.now();
      pausedUntilMs = now + Math.min(MAX_PAUSE_MS, PAUSE_FACTOR * (now - startedAt));
    }
  }

  return () => {
    if (next !== undefined) return next;
    next = begin(last);
    last = next.catch(() => undefined);
    return next;
  };
}
