/**
 * Primary process of a gateway with several workers. It starts the workers, distributes connections round robin, restarts
 * workers that end unexpectedly, and owns the shared parts: managed Redis, signals and aggregated metrics.
 */
import cluster, { type Worker } from "node:cluster";
import { type Backoff, backoffMs } from "../domain/backoff.ts";
import type { Logger } from "../domain/logger.ts";
import { sleep } from "../domain/sleep.ts";
import type { Gateway } from "../gateway.ts";
import { createAggregatedMetrics } from "../observe/aggregated-metrics.ts";
import { startManagedServer } from "../redis/managed/managed-server.ts";
import type { Settings } from "../settings.ts";
import { type Ipc, openIpc } from "./ipc.ts";
import type { PrimaryHandlers, StartResult, WorkerHandlers } from "./protocol.ts";
import { createUsageSync } from "./usage-sync.ts";

const RESTART: Backoff = { firstMs: 100, mostMs: 10_000 };
/** After this run time (ms) the end of a worker no longer counts as a repeated failure. */
const WELL_MS = 30_000;
/** Timeout (ms) of requests to workers. */
const ANSWER_MS = 2000;
/** Time (ms) after `SHUTDOWN_MS` before a worker is killed; a little longer than a worker's own limit. */
const KILL_AFTER_MS = 1200;

/** Options of `startWorkers`. */
export interface WorkersOptions {
  /** `workers` is the number of workers. */
  readonly settings: Settings;
  readonly logger: Logger;
  readonly version: string;
  /** Program of the workers. */
  readonly program: string;
  /** Aborts the start. */
  readonly signal: AbortSignal;
}

interface Running {
  readonly worker: Worker;
  readonly ipc: Ipc<WorkerHandlers>;
  readonly started: Promise<StartResult>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  isUp: boolean;
}

/**
 * Starts the workers, which together are one gateway.
 *
 * @throws Error with a message for the operator if they cannot start; the signal's reason if it was aborted
 */
export async function startWorkers(options: WorkersOptions): Promise<Gateway> {
  const { settings, logger, version, program, signal } = options;
  const { redisUrl, dataDir, redisFsync: fsync } = settings;
  const managed = redisUrl === "" ? await startManagedServer({ dataDir, fsync, logger, signal }) : undefined;
  const workerSettings = managed === undefined ? settings : { ...settings, redisUrl: managed.path };

  const running = new Set<Running>();
  const usageSync = createUsageSync();
  const metrics = createAggregatedMetrics(() => [...running].filter(({ isUp }) => isUp).length);
  const stopping = new AbortController();
  const { signal: stopped } = stopping;
  let isServing = false;
  let failedStop: Error | undefined;

  // Round robin, so that workers have equal numbers of clients; see docs/decisions/0012-distribute-connections-round-robin.md.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ exec: program, args: [] });
  // Also after a second Ctrl-C, or when the shutdown takes too long.
  process.on("exit", () => {
    for (const { worker } of running) worker.process.kill("SIGKILL");
  });

  function spawn(number: number): Running {
    const worker = cluster.fork();
    const { id } = worker;
    let onStart: (start: StartResult) => void = () => undefined;
    const started = new Promise<StartResult>((resolve) => {
      onStart = resolve;
    });
    const handlers: PrimaryHandlers = {
      config: () => ({
        number,
        settings: workerSettings,
        version,
        usage: usageSync.join(id, (news) => ipc.notify("usage", news)),
      }),
      started(how) {
        one.isUp = "url" in how;
        // At the first start the error is reported once, as the reason of the failed start.
        if (!one.isUp && isServing) logger.error({ worker: number, ...how }, "a worker cannot start");
        onStart(how);
      },
      usage: (news) => usageSync.receive(id, news),
      async metrics() {
        await Promise.all(up().map(noteMetrics));
        return metrics.text();
      },
      sessions: async () => (await requestFromOthers(one, (ipc) => ipc.request("sessions"))).flat(),
      endSession: async (name) =>
        (await requestFromOthers(one, (ipc) => ipc.request("endSession", name))).includes(true),
      claimStream: async (call) =>
        (await requestFromOthers(one, (ipc) => ipc.request("claimStream", call))).find(
          (how) => how !== "none",
        ) ?? "none",
      startOnStream: async (call) =>
        (await requestFromOthers(one, (ipc) => ipc.request("startOnStream", call))).find(
          ({ how }) => how !== "none",
        ) ?? {
          how: "none",
        },
      stopOnStream: async (call) =>
        (await requestFromOthers(one, (ipc) => ipc.request("stopOnStream", call))).includes(true),
    };
    const ipc = openIpc<WorkerHandlers>(worker.process, handlers, ANSWER_MS);
    const ended = new Promise<number | NodeJS.Signals>((resolve) => {
      worker.process.once("exit", (code, killedBy) => resolve(killedBy ?? code ?? 1));
      worker.on("error", (error) => {
        // A process that could not be created has no exit event. For others, the exit event follows.
        if (worker.process.pid !== undefined) return;
        logger.error({ worker: number, err: error }, "cannot create a worker process");
        resolve(1);
      });
    });
    const one: Running = { worker, ipc, started, ended, isUp: false };
    running.add(one);
    void ended.then((how) => {
      one.isUp = false;
      running.delete(one);
      usageSync.leave(id);
      metrics.remove(id, how !== 0 && !stopped.aborted);
    });
    return one;
  }

  const up = () => [...running].filter(({ isUp }) => isUp);

  const noteMetrics = (one: Running): Promise<void> =>
    one.ipc.request("metrics").then(
      (values) => {
        if (running.has(one)) metrics.record(one.worker.id, values);
      },
      // For a worker that does not answer, its last values are shown. An ended worker is in the sums.
      () => undefined,
    );

  async function requestFromOthers<T>(
    from: Running,
    request: (ipc: Ipc<WorkerHandlers>) => Promise<T>,
  ): Promise<readonly T[]> {
    const others = up().filter((one) => one !== from);
    const answers = await Promise.allSettled(others.map(({ ipc }) => request(ipc)));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  /** Keeps a worker running until this gateway closes. */
  async function supervise(number: number, first: Running): Promise<void> {
    let one = first;
    for (let failures = 0; ; one = spawn(number)) {
      const start = performance.now();
      const how = await one.ended;
      if (stopped.aborted) return;
      if (how === 0) logger.info({ worker: number }, "a worker has stopped; restarting it");
      else logger.error({ worker: number, how }, "a worker ended unexpectedly; restarting it");
      failures = how === 0 || performance.now() - start > WELL_MS ? 0 : failures + 1;
      await sleep(backoffMs(failures, Math.random(), RESTART), stopped).catch(() => undefined);
      if (stopped.aborted) return;
    }
  }

  async function stopOne({ worker, ipc, ended }: Running): Promise<void> {
    ipc.notify("stop");
    // Leaves time to stop the managed Redis.
    const timer = setTimeout(() => worker.process.kill("SIGKILL"), settings.shutdownMs + KILL_AFTER_MS);
    const how = await ended;
    clearTimeout(timer);
    if (how !== 0) failedStop = new Error(`a worker ended with ${how} while stopping`);
  }

  async function close(): Promise<void> {
    stopping.abort(new Error("the gateway is being closed"));
    await Promise.all([...running].map(stopOne));
    await managed?.close();
    if (failedStop !== undefined) throw failedStop;
  }

  try {
    const workers = Array.from({ length: settings.workers }, (_, i) => spawn(i + 1));
    const starts = Promise.all(workers.map(startOf));
    const [first] = await Promise.race([starts, rejection(signal)]);
    if (first === undefined) throw new Error("there are no workers");
    isServing = true;
    workers.forEach((one, i) => void supervise(i + 1, one));
    return { ...first, isManaged: managed !== undefined, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

/** Waits for a worker's start and returns its addresses. @throws Error if the start fails */
async function startOf({
  started,
  ended,
}: Running): Promise<{ readonly url: string; readonly redis: string }> {
  const how = await Promise.race([started, ended]);
  if (typeof how !== "object") throw new Error(`a worker ended with ${how} before it listened`);
  if ("url" in how) return how;
  throw Object.assign(new Error(how.message), { code: how.code });
}

const rejection = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
