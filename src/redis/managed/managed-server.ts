/**
 * Managed Redis: the server that the gateway runs if `REDIS_URL` is empty. It listens on a unix socket, keeps an append-only
 * file in the data directory, is restarted if it ends, and stops with the gateway.
 *
 * A data directory never has two servers, because they would corrupt the append-only file. If several gateways use one data
 * directory, the first owns the server and the others share it. When the owner ends, the next gateway takes the server over.
 */
import { join } from "node:path";
import type { Logger } from "../../domain/logger.ts";
import { type Backoff, backoffMs } from "../../domain/scheduling/backoff.ts";
import { sleep } from "../../domain/scheduling/sleep.ts";
import { transactionKey } from "../append/unfinished-transaction.ts";
import { createDataDir, namingDataDir } from "./data-dir.ts";
import { findServer, ManagedServerError } from "./server-binary.ts";
import { enterQueue, type QueuedGateway } from "./server-lock.ts";
import { query, untilReady } from "./server-probe.ts";
import {
  adoptServer,
  endStrayServer,
  type Fsync,
  type ServerProcess,
  type ServerSite,
  spawnServer,
} from "./server-process.ts";

export { findServer, ManagedServerError } from "./server-binary.ts";

/** Options of the managed server. */
export interface ManagedServerOptions {
  /** Created if missing, with access for this user only. */
  readonly dataDir: string;
  readonly fsync: Fsync;
  readonly logger: Logger;
  /** Called when the server has ended unexpectedly, before it is restarted. */
  readonly onExit?: (how: string) => void;
  /** Aborts the start: the server is stopped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Environment, whose `PATH` is searched for the server program. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A running managed Redis. */
export interface ManagedServer {
  /** Path of its unix socket, which stays the same over restarts. */
  readonly path: string;
  /** Stops the server, unless other gateways use it. */
  close(): Promise<void>;
}

/** Events of created and removed keys, by which patterns are followed (`registry/watch/key-events.ts`). */
const KEY_EVENTS = "Kgxen";
/** Two changes, which Redis 7 writes to its file as a transaction. Redis 6 has one file, which it replaces as a whole. */
const END_TRANSACTION = "redis.call('SET', KEYS[1], '') redis.call('DEL', KEYS[1])";
/** Time limit (ms) for loading the data at startup. 10 GB take about two minutes. */
const READY_MS = 600_000;
const RESTART: Backoff = { firstMs: 100, maxMs: 10_000 };
/** Run time (ms) after which the end of a server no longer counts as a repeated failure. */
const STABLE_MS = 30_000;

/**
 * Starts the server, or shares the one that runs on the data directory, and waits until it replies.
 *
 * @throws ManagedServerError if the server cannot run, with its last log lines
 */
export async function startManagedServer(options: ManagedServerOptions): Promise<ManagedServer> {
  const dataDir = await createDataDir(options.dataDir);
  const queued = await enterQueue(dataDir).catch((error: Error) => {
    throw new ManagedServerError(`cannot create a socket for ${dataDir}: ${error.message}`);
  });
  const server = new SharedServer(queued, dataDir, options);
  await server.start(options.signal);
  return { path: server.path, close: () => server.close() };
}

/** The server of a data directory, as one of the gateways that use it. */
class SharedServer {
  readonly path: string;
  readonly #queued: QueuedGateway;
  readonly #site: ServerSite;
  readonly #options: ManagedServerOptions;
  readonly #ending = new AbortController();
  /** Resolves when this gateway closes. */
  readonly #ended: Promise<undefined>;
  /** The running server, while this gateway owns it. */
  #server: ServerProcess | undefined;
  #supervised: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(queued: QueuedGateway, dataDir: string, options: ManagedServerOptions) {
    const { fsync, logger } = options;
    this.path = join(queued.folder, "redis.sock");
    this.#queued = queued;
    this.#site = { dataDir, path: this.path, fsync, logger };
    this.#options = options;
    this.#ended = new Promise<undefined>((resolve) => {
      this.#ending.signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  }

  /** Waits until the server replies. @param aborted ends the start */
  async start(aborted: AbortSignal | undefined): Promise<void> {
    const { path } = this;
    const { dataDir, logger } = this.#site;
    const abort = () => this.#ending.abort(aborted?.reason);
    aborted?.addEventListener("abort", abort, { once: true });
    if (aborted?.aborted) abort();
    let owned: Promise<ServerProcess> | undefined;
    try {
      const ownerPid = await this.#queued.ownerPid();
      owned = this.#own();
      const mine = owned.then(() => true);
      const isOwner = await (ownerPid === undefined
        ? mine
        : Promise.race([mine, this.#ready(this.#ending.signal).then(() => false)]));
      if (!isOwner) logger.info({ path, ownerPid }, "sharing the managed Redis of another gateway");
    } catch (error) {
      this.#ending.abort(error);
      await Promise.allSettled([owned]);
      await this.#queued
        .leave()
        .catch((failed: unknown) =>
          logger.debug({ err: failed }, "cannot leave the queue of gateways that share the managed Redis"),
        );
      throw namingDataDir(error, dataDir);
    } finally {
      aborted?.removeEventListener("abort", abort);
    }
    this.#supervised = this.#supervise(owned);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Waits until this gateway is the owner, adopts or starts a server, and waits until it replies. */
  async #own(): Promise<ServerProcess> {
    const { path } = this;
    const { dataDir, logger } = this.#site;
    const { signal } = this.#ending;
    await this.#queued.acquire(signal);
    const started = performance.now();
    const running = (await adoptServer(this.#site)) ?? (await this.#spawn());
    const failed = running.gone.then((how) => {
      throw new ManagedServerError(`cannot start the managed Redis in ${dataDir}: ${how}`);
    });
    const attempt = new AbortController();
    try {
      await Promise.race([this.#ready(AbortSignal.any([signal, attempt.signal])), failed]);
    } catch (error) {
      await running.stop();
      throw error;
    } finally {
      attempt.abort();
    }
    // Redis 6 has no event for created keys and rejects the setting. The stream watch then uses tracking.
    await query(path, ["CONFIG", "SET", "notify-keyspace-events", KEY_EVENTS], READY_MS).catch(
      () => undefined,
    );
    if (running.hasRepairedFile()) await this.#rewriteFile();
    const ms = Math.round(performance.now() - started);
    logger.info({ path, redisPid: running.pid, dataDir, ms }, "the managed Redis is ready");
    return running;
  }

  /**
   * Lets the server rewrite its append-only file from its memory. A file that was shortened within a transaction would
   * lose later entries at the next start (`append/unfinished-transaction.ts`). The transaction is ended first, because Redis
   * does not start if a crash leaves an unfinished one before the file that it begins now.
   */
  async #rewriteFile(): Promise<void> {
    const { path } = this;
    const { logger } = this.#site;
    logger.warn({ path }, "the append-only file of the managed Redis was incomplete; Redis rewrites it");
    try {
      await query(path, ["EVAL", END_TRANSACTION, "1", transactionKey("")], READY_MS);
      await query(path, ["BGREWRITEAOF"], READY_MS);
    } catch (error) {
      logger.error({ path, err: error }, "cannot rewrite the append-only file of the managed Redis");
    }
  }

  async #spawn(): Promise<ServerProcess> {
    // A gateway that closes does not replace a server that another one has stopped.
    this.#ending.signal.throwIfAborted();
    await endStrayServer(this.#site);
    const { file } = await findServer(this.#options.env ?? process.env);
    return spawnServer(file, this.#site);
  }

  #ready(until: AbortSignal): Promise<void> {
    const { path } = this;
    return untilReady(path, READY_MS, until, (obstacle) =>
      this.#site.logger.info({ path }, `waiting for the managed Redis: ${obstacle}`),
    );
  }

  /** Keeps a server running until this gateway closes. */
  async #supervise(first: Promise<ServerProcess>): Promise<void> {
    const { path } = this;
    const { dataDir, logger } = this.#site;
    let next = first;
    for (let failures = 0; ; next = this.#own()) {
      const start = performance.now();
      try {
        this.#server = await next;
        const how = await Promise.race([this.#server.gone, this.#ended]);
        if (how === undefined) return;
        this.#server = undefined;
        logger.error({ path, how }, "the managed Redis ended unexpectedly; restarting it");
        this.#options.onExit?.(how);
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        logger.error(
          { path, dataDir, error: String(namingDataDir(error, dataDir)) },
          "cannot run the managed Redis; retrying",
        );
      }
      failures = performance.now() - start > STABLE_MS ? 0 : failures + 1;
      await Promise.race([sleep(backoffMs(failures, Math.random(), RESTART)), this.#ended]);
    }
  }

  async #close(): Promise<void> {
    const { path } = this;
    this.#ending.abort(new Error("the managed Redis is being closed"));
    await this.#supervised;
    if (!(await this.#queued.leave())) {
      // The last gateway stops the server, even if its owner ended at this moment or was killed.
      await (this.#server ?? (await adoptServer(this.#site)))?.stop();
    } else if (this.#server !== undefined) {
      this.#site.logger.info(
        { path, redisPid: this.#server.pid },
        "other gateways use the managed Redis; leaving it running",
      );
      this.#server.release();
    }
  }
}
