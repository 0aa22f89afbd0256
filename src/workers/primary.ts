/**
 * Primary process of a gateway with several workers. Connections are distributed round robin. The primary owns the shared
 * parts: managed Redis, signals and aggregated metrics.
 */
import cluster from "node:cluster";
import type { Logger } from "../domain/logger.ts";
import type { Gateway } from "../gateway.ts";
import { startManagedServer } from "../redis/managed/managed-server.ts";
import type { Settings } from "../settings.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Options of `startWorkers`. */
export interface WorkersOptions {
  /** Settings of all workers, and `workers`, their number. */
  readonly settings: Settings;
  readonly logger: Logger;
  readonly version: string;
  /** Program of the workers. */
  readonly program: string;
  /** Aborts the start. */
  readonly signal: AbortSignal;
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
  // Round robin, so that workers have equal numbers of clients; see docs/decisions/0012-distribute-connections-round-robin.md.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ exec: program, args: [] });
  const pool = new WorkerPool({ settings: workerSettings, logger, version });
  // Kills the workers also after a second Ctrl-C, or if the shutdown takes too long.
  process.on("exit", () => pool.kill());

  async function close(): Promise<void> {
    await pool.stop();
    await managed?.close();
    pool.checkStops();
  }

  try {
    const addresses = await Promise.race([pool.start(), rejection(signal)]);
    return { ...addresses, isManaged: managed !== undefined, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

const rejection = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
