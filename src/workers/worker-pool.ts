/** The running workers: starts them, restarts those that end unexpectedly, passes their requests on, and stops them. */

import type { Logger } from "../domain/logger.ts";
import { type Backoff, backoffMs } from "../domain/scheduling/backoff.ts";
import { sleep } from "../domain/scheduling/sleep.ts";
import { createAggregatedMetrics } from "../observe/aggregated-metrics.ts";
import type { Settings } from "../settings.ts";
import type { PeerRequest } from "./protocol.ts";
import { createUsageSync } from "./usage-sync.ts";
import { addressesOf, forkWorker, type OwnPrimaryHandlers, type WorkerProcess } from "./worker-process.ts";

const RESTART: Backoff = { firstMs: 100, maxMs: 10_000 };
/** After this run time (ms) the end of a worker no longer counts as a repeated failure. */
const STABLE_MS = 30_000;
/** Time (ms) after `SHUTDOWN_MS` before a worker is killed; a little longer than a worker's own limit. */
const KILL_AFTER_MS = 1200;

/** Options of a pool. */
export interface WorkerPoolOptions {
  /** Settings of the workers; `workers` is their number. */
  readonly settings: Settings;
  readonly logger: Logger;
  readonly version: string;
}

/** Workers of one gateway. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #running = new Set<WorkerProcess>();
  readonly #usageSync = createUsageSync();
  readonly #metrics = createAggregatedMetrics(() => this.#up().length);
  readonly #stopping = new AbortController();
  #isServing = false;
  #failedStop: Error | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Starts all workers, and restarts those that end until `stop`. @returns their addresses @throws Error if one cannot start */
  async start(): Promise<{ readonly url: string; readonly redis: string }> {
    const workers = Array.from({ length: this.#options.settings.workers }, (_, i) => this.#fork(i + 1));
    const [first] = await Promise.all(workers.map(addressesOf));
    if (first === undefined) throw new Error("no worker is running");
    this.#isServing = true;
    workers.forEach((one, i) => void this.#supervise(i + 1, one));
    return first;
  }

  /** Stops all workers. `checkStops` reports how. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the gateway is being closed"));
    await Promise.all([...this.#running].map((one) => this.#stopOne(one)));
  }

  /** Throws if a worker did not stop in an orderly way. */
  checkStops(): void {
    if (this.#failedStop !== undefined) throw this.#failedStop;
  }

  /** Kills all workers at once. */
  kill(): void {
    for (const { worker } of this.#running) worker.process.kill("SIGKILL");
  }

  #up(): readonly WorkerProcess[] {
    return [...this.#running].filter((one) => one.isUp());
  }

  #fork(number: number): WorkerProcess {
    const { logger } = this.#options;
    const one = forkWorker(
      number,
      logger,
      (forked) => this.#handlersOf(number, forked),
      (result) => {
        // At the first start the error is reported once, as the reason of the failed start.
        if (!("url" in result) && this.#isServing)
          logger.error({ worker: number, ...result }, "a worker cannot start");
      },
    );
    this.#running.add(one);
    void one.ended.then((how) => {
      this.#running.delete(one);
      this.#usageSync.leave(one.id);
      this.#metrics.remove(one.id, how !== 0 && !this.#stopping.signal.aborted);
    });
    return one;
  }

  #handlersOf(number: number, one: WorkerProcess): OwnPrimaryHandlers {
    const { settings, version } = this.#options;
    const { id, ipc } = one;
    return {
      config: () => ({
        number,
        settings,
        version,
        usage: this.#usageSync.join(id, (news) => ipc.notify("usage", news)),
      }),
      usage: (news) => this.#usageSync.receive(id, news),
      metrics: async () => {
        await Promise.all(this.#up().map((worker) => this.#recordMetrics(worker)));
        return this.#metrics.text();
      },
      requestPeers: (call) => this.#requestPeers(one, call),
    };
  }

  async #recordMetrics({ id, ipc }: WorkerProcess): Promise<void> {
    try {
      const values = await ipc.request("metrics");
      if ([...this.#running].some((one) => one.id === id)) this.#metrics.record(id, values);
    } catch {
      // For a worker that does not answer, its last values are shown. An ended worker is in the sums.
    }
  }

  async #requestPeers(from: WorkerProcess, call: PeerRequest): Promise<readonly unknown[]> {
    const others = this.#up().filter((one) => one !== from);
    const answers = await Promise.allSettled(others.map(({ ipc }) => ipc.request("peerRequest", call)));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  /** Keeps a worker running until the pool stops. */
  async #supervise(number: number, first: WorkerProcess): Promise<void> {
    const { logger } = this.#options;
    const { signal: stopped } = this.#stopping;
    let one = first;
    for (let failures = 0; ; one = this.#fork(number)) {
      const start = performance.now();
      const how = await one.ended;
      if (stopped.aborted) return;
      if (how === 0) logger.info({ worker: number }, "a worker has stopped; restarting it");
      else logger.error({ worker: number, how }, "a worker ended unexpectedly; restarting it");
      failures = how === 0 || performance.now() - start > STABLE_MS ? 0 : failures + 1;
      await sleep(backoffMs(failures, Math.random(), RESTART), stopped).catch(() => undefined);
      if (stopped.aborted) return;
    }
  }

  async #stopOne({ worker, ipc, ended }: WorkerProcess): Promise<void> {
    ipc.notify("stop");
    // Leaves time to stop the managed Redis.
    const killMs = this.#options.settings.shutdownMs + KILL_AFTER_MS;
    const timer = setTimeout(() => worker.process.kill("SIGKILL"), killMs);
    const how = await ended;
    clearTimeout(timer);
    if (how !== 0) this.#failedStop = new Error(`a worker ended with ${how} while stopping`);
  }
}
