/** Interfaces of workers: options, jobs, and the loop over them. */

import type { CommonOptions } from "../gateway/gateway.ts";
import type { PulledEntry } from "../reading/entry.ts";

/** Options of a worker. */
export interface WorkOptions extends CommonOptions {
  /** Name of the consumer group. Its workers share the entries. */
  readonly group: string;
  /** Name of this worker; by default, the gateway names each connection. */
  readonly consumer?: string | undefined;
  /** Start of the group if it does not exist: after an entry id, `0` for the beginning, `$` for now. @default "$" */
  readonly from?: string | undefined;
  /** Maximum number of unfinished jobs; for `run` at least its concurrency. @default 16 */
  readonly permits?: number | undefined;
  /** Time after which an unfinished job is delivered again, ms. @default 30_000 */
  readonly ackWait?: number | undefined;
  /** Deliveries after which a job is moved to the dead-letter stream. @default 5 */
  readonly maxDeliver?: number | undefined;
  /** Stream for jobs that cannot be processed. @default `{stream}:dead:{group}` */
  readonly deadLetter?: string | undefined;
  /** Whether finished entries are deleted from the stream, for all readers. @default "never" */
  readonly delete?: "never" | "acked" | undefined;
  /** Called with entries that were trimmed before they were done. */
  readonly onLost?: ((lost: readonly { readonly stream: string; readonly id: string }[]) => void) | undefined;
}

/**
 * An entry to process. Each method resolves to whether the job still belonged to this worker: if not, it was too late, or the
 * connection closed, and another worker receives it.
 */
export interface Job extends PulledEntry {
  /** Number of deliveries of the entry, including this one. */
  readonly deliveries: number;
  /** The job is done. */
  ack(): Promise<boolean>;
  /** Gives the job back, to be delivered again. */
  nack(options?: {
    /** Time until then, ms, at most `ackWait`. @default 0 */
    readonly delay?: number | undefined;
  }): Promise<boolean>;
  /** Moves the job to the dead-letter stream. */
  term(reason?: string): Promise<boolean>;
  /** Keeps the job for another `ackWait`. */
  progress(): Promise<boolean>;
}

/** Options of `run`. */
export interface RunOptions {
  /** Jobs that are processed at the same time. @default 1 */
  readonly concurrency?: number | undefined;
  /** Time until a failed job is delivered again, ms, at most `ackWait`. @default 1_000 */
  readonly retryDelay?: number | undefined;
  /** Called with the error of a handler, before the job is returned. */
  readonly onError?: ((error: unknown, job: Job) => void) | undefined;
}

/** Jobs of a group, to iterate over or to run a handler for. It connects when the first job is requested. */
export interface Work extends AsyncIterable<Job> {
  /**
   * Runs a handler for each job, and keeps the job while it runs. A job is done when its handler returns, and is returned to
   * the group when it throws. Ends after the signal aborts, when the running handlers have ended.
   *
   * @throws StreamerError if a retry cannot succeed; the signal's reason if it was aborted
   */
  run(handler: (job: Job) => unknown, options?: RunOptions): Promise<never>;
}
