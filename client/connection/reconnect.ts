/**
 * Reconnect loop: opens a connection, and opens it again after a backoff if it closes with a retryable error.
 *
 * ```
 *              connected         closes, retryable
 * connecting ───────▶ open ────────────┐
 *     ▲  └──fails, retryable─────────▶ waiting ──▶ connecting
 *     │
 *   start            any state ──aborted, or fails with a final error──▶ ended
 * ```
 */
import { type Backoff, backoffMs } from "../../src/domain/scheduling/backoff.ts";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { StreamerError } from "../errors.ts";
import type { Status } from "../gateway/gateway.ts";

/** Options of the reconnect loop. */
export interface KeepConnectedOptions {
  readonly signal: AbortSignal;
  readonly backoff: Backoff;
  readonly onStatus: (status: Status) => void;
}

/** A connection that lasted this many times the longest delay resets the backoff. */
const STABLE_AFTER = 2;

/**
 * Runs attempts until one returns. An attempt lasts as long as its connection.
 *
 * The backoff resets when the attempt calls `proven`, or when the connection was stable for a while. An accepted
 * connection alone does not reset it, because a gateway without Redis accepts connections and closes them again.
 *
 * @throws the signal's reason, or the first error that is not retryable
 */
export async function keepConnected(
  attempt: (proven: () => void) => Promise<void>,
  { signal, backoff, onStatus }: KeepConnectedOptions,
): Promise<void> {
  let failures = 0;
  for (;;) {
    signal.throwIfAborted();
    onStatus({ state: "connecting" });
    const startedMs = performance.now();
    try {
      return await attempt(() => {
        failures = 0;
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StreamerError) || !error.retryable) throw error;
      if (performance.now() - startedMs > STABLE_AFTER * backoff.maxMs) failures = 0;
      const delayMs = backoffMs(failures, Math.random(), backoff);
      failures++;
      onStatus({ state: "waiting", error, delayMs });
      await sleep(delayMs, signal);
    }
  }
}
