/**
 * The loop that keeps a connection: try, and where it ends for a reason that can pass, wait and try again.
 *
 * ```
 *              made                ends, can pass
 * connecting ───────▶ open ────────────┐
 *     ▲  └──fails, can pass──────────▶ waiting ──▶ connecting
 *     │
 *   start            any of them ──aborted, or fails for good──▶ over
 * ```
 */
import { type Backoff, backoffMs } from "../src/domain/backoff.ts";
import { sleep } from "../src/domain/sleep.ts";
import { StreamerError } from "./errors.ts";

/** What a connection is doing. */
export type Status =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** The connection is open and the gateway's Redis does not answer: nothing is delivered or stored until it does. */
  | { readonly state: "redis-unavailable"; readonly since: Date }
  /** The connection is open and the gateway owes a message that does not come. */
  | { readonly state: "silent"; readonly since: Date }
  /** The last attempt failed or the connection ended; the next attempt is in `delayMs`. */
  | { readonly state: "waiting"; readonly error: StreamerError; readonly delayMs: number };

/** What the loop tells and asks. */
export interface KeepConnectedOptions {
  readonly signal: AbortSignal;
  readonly backoff: Backoff;
  readonly onStatus: (status: Status) => void;
}

/** A connection has lasted when it was kept for so many of the longest waits. */
const LASTED = 2;

/**
 * Runs attempts until one returns. An attempt lasts as long as its connection; it calls `proven` when the connection
 * turned out to work, from which on the waits are short again. To have been accepted alone proves nothing: a gateway
 * without its Redis accepts and then closes. To have lasted does.
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
      if (performance.now() - startedMs > LASTED * backoff.mostMs) failures = 0;
      const delayMs = backoffMs(failures, Math.random(), backoff);
      failures++;
      onStatus({ state: "waiting", error, delayMs });
      await sleep(delayMs, signal);
    }
  }
}
