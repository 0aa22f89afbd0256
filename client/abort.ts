/** A controller that follows a user's signal until it is let go, so that a long-lived signal keeps nothing alive. */

/** A controller, and how to let go of the signal that it follows. */
export interface FollowingController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
  letGo(): void;
}

/** Makes a controller that is aborted when the given signal is, for the same reason. */
export function followSignal(signal: AbortSignal | undefined): FollowingController {
  const controller = new AbortController();
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  else signal?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    letGo: () => signal?.removeEventListener("abort", follow),
  };
}
