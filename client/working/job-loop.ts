/**
 * Loop over jobs that arrive in batches. An async generator of single jobs would wait four times for each, also for those that
 * have arrived.
 */
import type { Job } from "./work-options.ts";

/** Result of `next`. */
type Result = IteratorResult<Job, undefined>;

/** Source of jobs. */
export interface JobSource {
  /** Returns the next job that has arrived, if the loop may have it. */
  takeNow(): Job | undefined;
  /** Runs as long as the loop: yields when jobs have arrived, and throws the error that ends the loop. */
  readonly arrivals: AsyncGenerator<void, void, undefined>;
}

/** Iterator over the jobs of a source. */
export class JobLoop implements AsyncIterableIterator<Job, undefined> {
  readonly #source: JobSource;
  /** Calls of `next` that wait for jobs. Later calls wait after them. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();
  #hasEnded = false;

  constructor(source: JobSource) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    const value = this.#waiting > 0 || this.#hasEnded ? undefined : this.#source.takeNow();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    this.#waiting++;
    const result = this.#last.then(() => this.#arrived()).finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async return(): Promise<Result> {
    this.#hasEnded = true;
    await this.#source.arrivals.return();
    return { done: true, value: undefined };
  }

  async #arrived(): Promise<Result> {
    for (;;) {
      const value = this.#hasEnded ? undefined : this.#source.takeNow();
      if (value !== undefined) return { done: false, value };
      const { done } = await this.#source.arrivals.next();
      if (done === true) return { done: true, value: undefined };
    }
  }
}
