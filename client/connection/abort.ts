/** Abort controller linked to a user's signal. Its listener can be removed, so that a long-lived signal leaks no memory. */

/** A controller and a function that unlinks it from the user's signal. */
export interface LinkedController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  /** Removes the listener on the user's signal. */
  unlink(): void;
}

/** Creates a controller that aborts when `signal` does, with the same reason. */
export function linkSignal(signal: AbortSignal | undefined): LinkedController {
  const controller = new AbortController();
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  else signal?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => signal?.removeEventListener("abort", follow),
  };
}
