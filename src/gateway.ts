/** Starts a gateway from its parts, and stops them in reverse order. */
import type { AddressInfo } from "node:net";
import { GatewayError } from "./domain/errors.ts";
import type { Logger } from "./domain/logger.ts";
import { sleep } from "./domain/scheduling/sleep.ts";
import { within } from "./domain/scheduling/timeout.ts";
import { createTurns } from "./domain/scheduling/turns.ts";
import { type GatewayAccess, openAccess } from "./gateway/access.ts";
import { type Closers, closeAll } from "./gateway/closers.ts";
import { openLive } from "./gateway/live.ts";
import { openObserve } from "./gateway/observe.ts";
import { openStorage } from "./gateway/storage.ts";
import { openTransports, type Transports } from "./gateway/transports.ts";
import { limitLines } from "./observe/limited-logger.ts";
import { describeRedis, findRedis } from "./redis/open-store.ts";
import type { Settings } from "./settings.ts";
import { LISTEN_BACKLOG, ListenerCopies } from "./transports/http/listener-copies.ts";
import type { Peers } from "./workers/peers.ts";

/** Running gateway: its addresses, and its shutdown. */
export interface Gateway {
  /** URL for display: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Redis address for display, without a password. */
  readonly redis: string;
  /** Whether the gateway started that Redis itself. */
  readonly isManaged: boolean;
  /** Stops the gateway. Requests in flight are stored and answered, within `SHUTDOWN_MS`. */
  close(): Promise<void>;
}

/** A gateway in this process. */
export interface LocalGateway extends Gateway {
  /** Accepts several connections per event-loop turn from now on. Never rejects. */
  acceptFaster(): Promise<void>;
}

/**
 * Starts a gateway.
 *
 * @param signal aborts the start, for example while a managed Redis loads its data; all started parts are closed
 * @param peers the other workers, if this process is one of several workers
 * @throws Error with a message for the operator if it cannot start, or the signal's reason if it was aborted
 */
export async function startGateway(
  settings: Settings,
  unlimited: Logger,
  version: string,
  signal?: AbortSignal,
  peers?: Peers,
): Promise<LocalGateway> {
  const logger = limitLines(unlimited);
  const closers: Closers = [];
  const turns = createTurns();
  try {
    const endpoint = await findRedis(settings, logger, closers, signal);
    const observe = await openObserve(settings, version, logger, closers);
    const storage = openStorage(settings, endpoint, observe, closers, turns);
    const streams = openLive(settings, storage, observe, closers, turns);
    const access = openAccess(settings, storage, logger, closers, turns, peers?.usage);
    const config = { ...settings, version };
    const transports = await openTransports(
      { streams, access, observe, config },
      () => storage.store.ping(),
      closers,
      peers,
    );
    const { app, server } = transports;
    const copies = new ListenerCopies(server);
    await app.listen({ host: settings.host, port: settings.port, backlog: LISTEN_BACKLOG });
    return {
      url: urlOf(server.address(), settings),
      redis: describeRedis(endpoint),
      isManaged: settings.redisUrl === "",
      acceptFaster: () =>
        copies
          .open()
          .catch((error) =>
            logger.warn(
              { err: error },
              "cannot copy the listening socket; new connections are accepted one per event-loop turn",
            ),
          ),
      async close() {
        await endConnections(transports, copies, access, settings.shutdownMs);
        await closeAll(closers);
      },
    };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

/** Interval in ms at which the shutdown checks for finished uploads and idle connections. */
const CLOSE_POLL_MS = 20;

/** Fraction of `SHUTDOWN_MS` in which request bodies may still be received. */
const UPLOADS_SHARE = 5 / 8;

/** Stops accepting connections, completes open requests, then closes all connections. @param ms time limit for all steps */
async function endConnections(
  { app, server, webSockets, uploads }: Transports,
  copies: ListenerCopies,
  { beginClosing, deadlines }: GatewayAccess,
  ms: number,
): Promise<void> {
  server.close();
  const copiesClosed = copies.close();
  beginClosing();
  const closingIdle = setInterval(() => server.closeIdleConnections(), CLOSE_POLL_MS);
  const uploadsEnd = performance.now() + ms * UPLOADS_SHARE;
  const finishUploads = async () => {
    while (uploads.size() > 0 && performance.now() < uploadsEnd) await sleep(CLOSE_POLL_MS);
    uploads.end(
      new GatewayError("SHUTTING_DOWN", "the gateway is shutting down before the body is complete"),
    );
  };
  await Promise.all([webSockets.close(ms / 2), finishUploads()]);
  await within(ms / 4, Promise.all([app.close(), copiesClosed]));
  clearInterval(closingIdle);
  server.closeAllConnections();
  deadlines.close();
}

function urlOf(address: AddressInfo | string | null, { host, tlsCert, pathPrefix }: Settings): string {
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const scheme = tlsCert === "" ? "http" : "https";
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}${pathPrefix}`;
}
