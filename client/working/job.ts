/** Job of a worker: an entry, with methods that settle it. */
import type { WorkEntry } from "../../src/wire/work/work-decoder.ts";
import { ReceivedEntry } from "../reading/entry.ts";
import type { Job } from "./work-options.ts";

/** An action that settles a job, or keeps it. */
export type JobAction = "ack" | "nack" | "term" | "progress";

/** Settles a job. @param further members of the message besides the jobs @returns whether it still belonged to the worker */
export type SettleJob = (
  job: Job,
  action: JobAction,
  further?: Readonly<Record<string, unknown>>,
) => Promise<boolean>;

/** A received job. */
export class ReceivedJob extends ReceivedEntry implements Job {
  readonly deliveries: number;
  readonly #settle: SettleJob;

  /** @param settle the same for all jobs of a connection */
  constructor(entry: WorkEntry, settle: SettleJob) {
    super(entry, false);
    this.deliveries = entry.n;
    this.#settle = settle;
  }

  ack(): Promise<boolean> {
    return this.#settle(this, "ack");
  }

  nack({ delay = 0 }: { readonly delay?: number | undefined } = {}): Promise<boolean> {
    return this.#settle(this, "nack", { delay });
  }

  term(reason = ""): Promise<boolean> {
    return this.#settle(this, "term", { reason });
  }

  progress(): Promise<boolean> {
    return this.#settle(this, "progress");
  }
}
