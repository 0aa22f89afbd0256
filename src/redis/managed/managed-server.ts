/**
 * The Redis that the gateway runs beside itself where none is named: found on the PATH, on a unix socket, with an
 * append-only file under the data directory, started again if it dies, stopped with the gateway.
 *
 * One data directory has one server, whatever happens. Of the gateways that use it, the first owns the server and
 * the others share it; when the owner ends, the next one takes the server over, running or not.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Backoff, backoffMs } from "../../domain/backoff.ts";
import type { Logger } from "../../domain/logger.ts";
import { makeDataDir, namingDataDir } from "./data-dir.ts";
import { findServer, ManagedServerError } from "./server-binary.ts";
import { takePlace } from "./server-lock.ts";
import { untilReady } from "./server-probe.ts";
import {
  adoptServer,
  endStrayServer,
  type Fsync,
  type ServerProcess,
  type ServerSite,
  spawnServer,
} from "./server-process.ts";

export { findServer, ManagedServerError } from "./server-binary.ts";

/** What the managed server needs. */
export interface ManagedServerOptions {
  /** Made, for this user alone, where it is missing. */
  readonly dataDir: string;
  readonly fsync: Fsync;
  readonly logger: Logger;
  /** The server ended by itself, and is about to be started again. */
  readonly onExit?: (how: string) => void;
  /** Gives the start up: the server is stopped again and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Where the programs are looked for, by its `PATH`; by default the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A Redis that answers. */
export interface ManagedServer {
  /** Of its unix socket. It stays the same over restarts. */
  readonly path: string;
  /** Stops the server, unless other gateways use it; they keep it then. */
  close(): Promise<void>;
}

/** Longest time for reading the data at the start. 10 GB take about two minutes. */
const READY_MS = 600_000;
const RESTART: Backoff = { firstMs: 100, mostMs: 10_000 };
/** A server that has run for so long was well, and its end is not one more failure in a row. */
const WELL_MS = 30_000;

/**
 * Starts the server, or joins the one that runs on the data directory, and waits until it answers.
 *
 * @throws ManagedServerError where no server can be run, with its last words
 */
export async function startManagedServer(options: ManagedServerOptions): Promise<ManagedServer> {
  const { fsync, logger, onExit, env = process.env } = options;
  const dataDir = await makeDataDir(options.dataDir);
  const place = await takePlace(dataDir).catch((error: Error) => {
    throw new ManagedServerError(`no socket can be made for ${dataDir}: ${error.message}`);
  });
  const path = join(place.folder, "redis.sock");
  const site: ServerSite = { dataDir, path, fsync, logger };
  const ending = new AbortController();
  const { signal } = ending;
  const ended = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  /** Set while this gateway owns a server that runs. */
  let server: ServerProcess | undefined;

  const ready = (until: AbortSignal) =>
    untilReady(path, READY_MS, until, (obstacle) =>
      logger.info({ path }, `waiting for the managed Redis: ${obstacle}`),
    );

  /** Waits until this gateway is the owner, adopts or starts a server, and waits until it answers. */
  async function own(): Promise<ServerProcess> {
    await place.turn(signal);
    const started = performance.now();
    const running = (await adoptServer(site)) ?? (await spawnOne());
    const failed = running.gone.then((how) => {
      throw new ManagedServerError(`the managed Redis in ${dataDir} does not start: ${how}`);
    });
    const attempt = new AbortController();
    try {
      await Promise.race([ready(AbortSignal.any([signal, attempt.signal])), failed]);
    } catch (error) {
      await running.stop();
      throw error;
    } finally {
      attempt.abort();
    }
    const ms = Math.round(performance.now() - started);
    logger.info({ path, redisPid: running.pid, dataDir, ms }, "the managed Redis is ready");
    return running;
  }

  async function spawnOne(): Promise<ServerProcess> {
    await endStrayServer(site);
    const { file } = await findServer(env);
    return spawnServer(file, site);
  }

  /** Keeps a server running until this gateway closes. */
  async function supervise(first: Promise<ServerProcess>): Promise<void> {
    let next = first;
    for (let failures = 0; ; next = own()) {
      const start = performance.now();
      try {
        server = await next;
        const how = await Promise.race([server.gone, ended]);
        if (how === undefined) return;
        server = undefined;
        logger.error({ path, how }, "the managed Redis ended by itself; starting it again");
        onExit?.(how);
      } catch (error) {
        if (signal.aborted) return;
        logger.error(
          { path, dataDir, error: String(namingDataDir(error, dataDir)) },
          "no managed Redis can be run; trying again",
        );
      }
      failures = performance.now() - start > WELL_MS ? 0 : failures + 1;
      await Promise.race([delay(backoffMs(failures, Math.random(), RESTART)), ended]);
    }
  }

  async function close(): Promise<void> {
    ending.abort(new Error("the managed Redis is being closed"));
    await supervised;
    if (!(await place.leave())) {
      // The last gateway stops the server, even if its owner ended at this moment or was killed.
      await (server ?? (await adoptServer(site)))?.stop();
    } else if (server !== undefined) {
      logger.info({ path, redisPid: server.pid }, "other gateways use the managed Redis; leaving it to them");
      server.release();
    }
  }

  const giveUp = () => ending.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", giveUp, { once: true });
  if (options.signal?.aborted) giveUp();
  let owned: Promise<ServerProcess> | undefined;
  try {
    const ownerPid = await place.ahead();
    owned = own();
    const mine = owned.then(() => true);
    const isOwner = await (ownerPid === undefined
      ? mine
      : Promise.race([mine, ready(signal).then(() => false)]));
    if (!isOwner) logger.info({ path, ownerPid }, "sharing the managed Redis of another gateway");
  } catch (error) {
    ending.abort(error);
    await Promise.allSettled([owned]);
    await place
      .leave()
      .catch((failed: unknown) => logger.debug({ err: failed }, "the queue of gateways is stuck"));
    throw namingDataDir(error, dataDir);
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
  const supervised = supervise(owned);
  let closing: Promise<void> | undefined;
  return {
    path,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
