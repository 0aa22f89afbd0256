/** Worker process: a gateway that shares port, limits, metrics and sessions with the other workers. */
import cluster from "node:cluster";
import { createSharedUsage } from "../access/limits/usage.ts";
import { startGateway } from "../gateway.ts";
import { createLogger } from "../observe/logger.ts";
import { openIpc } from "./ipc.ts";
import type { OwnHandlers, Peers } from "./peers.ts";
import type { PrimaryHandlers, WorkerHandlers } from "./protocol.ts";

/** Time (ms) after `SHUTDOWN_MS` before the worker exits with open work; the primary waits a little longer. */
const SHUTDOWN_GRACE_MS = 1000;
/** Timeout of requests to the primary, which in turn waits for the other workers. */
const ANSWER_MS = 10_000;

/** Runs the worker until the primary process stops it or ends. */
export async function runWorker(): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error("stopped by the primary process"));
  let own: OwnHandlers | undefined;
  const registered = () => {
    if (own === undefined) throw new Error("the worker is still starting");
    return own;
  };
  const handlers: WorkerHandlers = {
    stop,
    usage: (news) => usage.receive(news),
    metrics: () => registered().metrics(),
    peerRequest({ what, argument }) {
      const handle = registered().requests[what];
      if (handle === undefined) throw new Error(`no handler for ${what}`);
      return handle(argument as never);
    },
  };
  const primary = openIpc<PrimaryHandlers>(process, handlers, ANSWER_MS);
  const usage = createSharedUsage((news) => primary.notify("usage", news));
  // A terminal signals all processes; the primary then stops the workers. SIGTERM stops this worker alone.
  for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => undefined);
  process.on("SIGTERM", stop);
  // Errors of sending to a primary that has just ended; the disconnect follows.
  process.on("error", () => undefined);
  cluster.worker?.once("disconnect", () => {
    // Otherwise Node would end this process at once and drop requests in flight.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    stop();
  });

  const { number, settings, version, usage: others } = await primary.request("config");
  usage.receive(others);
  const logger = (await createLogger(settings)).child({ worker: number });
  const peers: Peers = {
    number,
    usage,
    metrics: () => primary.request("metrics"),
    request: async <T>(what: string, argument?: unknown) =>
      (await primary.request("requestPeers", { what, argument })) as readonly T[],
    register(handlers) {
      own = handlers;
    },
  };
  const stopped = aborted(stopping.signal);
  void stopped.then(() => {
    if (!process.connected) logger.warn({}, "the primary process has ended: stopping");
    setTimeout(() => process.exit(1), settings.shutdownMs + SHUTDOWN_GRACE_MS).unref();
  });
  try {
    const gateway = await startGateway(settings, logger, version, stopping.signal, peers);
    primary.notify("started", { url: gateway.url, redis: gateway.redis });
    await stopped;
    await gateway.close();
    process.exit(0);
  } catch (error) {
    if (stopping.signal.aborted) {
      logger.error({ err: error }, "shutdown failed");
      process.exit(1);
    }
    const { message, code } = error as NodeJS.ErrnoException;
    // Wait until the primary has received the error.
    await primary.request("started", { message, code }).catch(() => undefined);
    process.exit(1);
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
