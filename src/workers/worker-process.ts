/** One worker process, as the primary process sees it. */
import cluster, { type Worker } from "node:cluster";
import type { Logger } from "../domain/logger.ts";
import { type Ipc, openIpc } from "./ipc.ts";
import type { PrimaryHandlers, StartResult, WorkerHandlers } from "./protocol.ts";

/** Timeout (ms) of requests to workers. */
const ANSWER_MS = 2000;

/** A running worker process. */
export interface WorkerProcess {
  readonly id: number;
  readonly worker: Worker;
  readonly ipc: Ipc<WorkerHandlers>;
  readonly started: Promise<StartResult>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Whether it listens. */
  isUp(): boolean;
}

/** Handlers of a worker's requests. Its start is handled here. */
export type OwnPrimaryHandlers = Omit<PrimaryHandlers, "started">;

/**
 * Starts a worker process.
 *
 * @param number number of the worker, for the log
 * @param handlersOf returns the handlers of its requests
 * @param onStart called with the result of its start
 */
export function forkWorker(
  number: number,
  logger: Logger,
  handlersOf: (one: WorkerProcess) => OwnPrimaryHandlers,
  onStart: (result: StartResult) => void,
): WorkerProcess {
  const worker = cluster.fork();
  let isUp = false;
  let settle: (result: StartResult) => void = () => undefined;
  const started = new Promise<StartResult>((resolve) => {
    settle = resolve;
  });
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    worker.process.once("exit", (code, killedBy) => resolve(killedBy ?? code ?? 1));
    worker.on("error", (error) => {
      // A process that could not be created has no exit event. For others, the exit event follows.
      if (worker.process.pid !== undefined) return;
      logger.error({ worker: number, err: error }, "cannot create a worker process");
      resolve(1);
    });
  });
  void ended.then(() => {
    isUp = false;
  });
  const handlers: PrimaryHandlers = {
    config: () => own.config(),
    usage: (news) => own.usage(news),
    metrics: () => own.metrics(),
    requestPeers: (call) => own.requestPeers(call),
    started(result) {
      isUp = "url" in result;
      onStart(result);
      settle(result);
    },
  };
  const ipc = openIpc<WorkerHandlers>(worker.process, handlers, ANSWER_MS);
  const one: WorkerProcess = { id: worker.id, worker, ipc, started, ended, isUp: () => isUp };
  const own = handlersOf(one);
  return one;
}

/** Waits for a worker's start and returns its addresses. @throws Error if the start fails */
export async function addressesOf({
  started,
  ended,
}: WorkerProcess): Promise<{ readonly url: string; readonly redis: string }> {
  const how = await Promise.race([started, ended]);
  if (typeof how !== "object") throw new Error(`a worker ended with ${how} before it listened`);
  if ("url" in how) return how;
  throw Object.assign(new Error(how.message), { code: how.code });
}
