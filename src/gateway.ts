/** Builds the gateway's parts, hands them to each other, and takes them down in the reverse order. */
import { randomUUID } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { createBrowserGuard } from "./access/browser-guard.ts";
import type { Logger } from "./domain/logger.ts";
import { createTally } from "./domain/tally.ts";
import { createHistory } from "./live/history.ts";
import { createHub } from "./live/hub.ts";
import { createPresence } from "./live/presence.ts";
import { createRecentMemory } from "./live/recent.ts";
import { createSubscriber } from "./live/subscription.ts";
import { createMetrics } from "./observe/metrics.ts";
import { describeAddress, parseRedisUrl, type RedisAddress } from "./redis/address.ts";
import { createAppender } from "./redis/appender.ts";
import { type Connection, type ConnectionHooks, openConnection } from "./redis/connection.ts";
import { createEcho } from "./redis/echo.ts";
import { createEntrySizes } from "./redis/entry-sizes.ts";
import { createLog } from "./redis/log.ts";
import { startManagedServer } from "./redis/managed-server.ts";
import { createMetaWatch } from "./redis/meta-watch.ts";
import { openTail } from "./redis/open-tail.ts";
import { createPolledReads } from "./redis/polled-reads.ts";
import { createPresenceLeases } from "./redis/presence-leases.ts";
import { createRegistry } from "./redis/registry.ts";
import type { Settings } from "./settings.ts";
import { createTurnEnd } from "./transports/byte-sink.ts";
import { createExecutor } from "./transports/graphql/executor.ts";
import { createGraphqlSockets } from "./transports/graphql/websocket.ts";
import { createClosing } from "./transports/http/context.ts";
import { answerWithoutUpgrade, wantsWebSocket } from "./transports/http/other-upgrades.ts";
import { createHttp } from "./transports/http/server.ts";
import { createPayloadPool } from "./transports/websocket/payload-pool.ts";
import { createPullEncoders } from "./transports/websocket/pull-encoder.ts";
import { createPushGate } from "./transports/websocket/push-gate.ts";
import { createWebSocketTransport } from "./transports/websocket/server.ts";

/** Memory that is kept for large messages between them: what a few cameras have under way. */
const PAYLOAD_POOL_BYTES = 16 * 1024 * 1024;

/** A gateway that listens. */
export interface Gateway {
  /** Where it listens, for people: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Which Redis it uses, for people: without a password. */
  readonly redis: string;
  /** Whether that Redis is its own child. */
  readonly isManaged: boolean;
  /** Stops it: what is in flight is answered and stored, within `SHUTDOWN_MS`. */
  close(): Promise<void>;
}

/**
 * Starts a gateway.
 *
 * @param signal gives the start up, as while a managed Redis reads its data: what was started is stopped again
 * @throws Error with a sentence for people where it cannot start; the signal's reason where that came first
 */
export async function startGateway(
  settings: Settings,
  logger: Logger,
  version: string,
  signal?: AbortSignal,
): Promise<Gateway> {
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const address = await redisFor(settings, logger, closers, signal);
    const { app, server, webSockets, beginClosing } = await assemble(
      settings,
      address,
      logger,
      version,
      closers,
    );
    await app.listen({ host: settings.host, port: settings.port });
    return {
      url: urlOf(server.address(), settings.host),
      redis: describeAddress(address),
      isManaged: settings.redisUrl === "",
      async close() {
        // No new ones, then the answers of the open ones, then what they were answered by.
        server.close();
        beginClosing();
        await webSockets.close(settings.shutdownMs / 2);
        await within(settings.shutdownMs / 4, app.close());
        server.closeAllConnections();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function redisFor(
  { redisUrl, dataDir, redisFsync }: Settings,
  logger: Logger,
  closers: (() => Promise<void> | void)[],
  signal: AbortSignal | undefined,
): Promise<RedisAddress> {
  if (redisUrl !== "") return parseRedisUrl(redisUrl);
  const server = await startManagedServer({ dataDir, fsync: redisFsync, logger, ...(signal && { signal }) });
  closers.push(() => server.close());
  return { target: { path: server.path }, database: 0 };
}

async function assemble(
  settings: Settings,
  address: RedisAddress,
  logger: Logger,
  version: string,
  closers: (() => Promise<void> | void)[],
) {
  const tally = createTally();
  const sizes = createEntrySizes();
  const connections: Connection[] = [];
  const open = (name: string, hooks: ConnectionHooks = {}) =>
    openConnection({
      ...hooks,
      address,
      logger,
      name,
      waitMs: settings.redisWaitMs,
      onLost() {
        tally.redisReconnects++;
        hooks.onLost?.();
      },
    });
  const connect = (name: string, hooks: ConnectionHooks = {}) => {
    const connection = open(name, hooks);
    closers.push(connection.close);
    connections.push(connection);
    return connection;
  };
  const reads = connect("reads");
  const echo = createEcho();
  const append = createAppender({
    connect: (hooks) => connect("appends", hooks),
    streamMaxLength: settings.streamMaxLength,
    echo,
    onStored: (key) => polled.forget(key),
    tally,
  });
  const logOver = (connection: Connection) => createLog({ append, reads: connection, connections, sizes });
  const log = logOver(reads);
  const polled = createPolledReads({
    connect: (hooks) => connect("polls", hooks),
    readsOver: logOver,
    limitBytes: settings.pollCacheBytes,
    tally,
  });
  const hub = createHub({
    openTail: (onReads) =>
      openTail(settings.redisTail, { address, logger, sizes, tally, echo, onReads, control: reads }),
    memory: createRecentMemory(settings.recentBytes, tally),
    tally,
    logger,
  });
  closers.push(hub.close);
  const history = createHistory({
    log,
    sizes,
    pageBytes: settings.pageBytes,
    cacheBytes: settings.pageCacheBytes,
    tally,
  });

  const { closing, close: beginClosing } = createClosing();
  const guard = createBrowserGuard({ ...settings, listenHost: settings.host });
  const common = {
    log,
    polled: polled.reads,
    subscribe: createSubscriber({ hub, history, log, tally }),
    limits: settings,
    turnEnd: createTurnEnd(),
    guard,
    tally,
    logger,
    maxMessageBytes: settings.maxMessageBytes,
  };
  const presence = createPresence({
    leases: createPresenceLeases({
      connection: reads,
      gatewayId: randomUUID(),
      leaseMs: settings.deviceTimeoutMs,
      streamMaxLength: settings.streamMaxLength,
    }),
    timeoutMs: settings.deviceTimeoutMs,
    logger,
  });
  closers.push(() => within(settings.shutdownMs / 8, presence.close()));
  const metaWatch = createMetaWatch((hooks) => open("meta", hooks));
  closers.push(metaWatch.close);
  const graphql = createExecutor({
    ...common,
    registry: createRegistry({ connection: reads, streamMaxLength: settings.streamMaxLength }),
    metaWatch,
    enableFlush: settings.enableFlush,
    version,
    closing,
  });
  const payloadPool = createPayloadPool(PAYLOAD_POOL_BYTES, tally);
  const webSockets = createWebSocketTransport({
    ...common,
    presence,
    devicePresence: settings.devicePresence,
    serveGraphql: createGraphqlSockets(graphql, common.turnEnd, payloadPool),
    graphqlMaxBytes: settings.graphqlMaxBytes,
    pushGate: createPushGate({
      perSocketBytes: settings.pushInFlightBytes,
      totalBytes: settings.totalInFlightBytes,
      tally,
    }),
    payloadPool,
    pullEncoders: createPullEncoders(),
    pingIntervalMs: settings.pingIntervalMs,
    pingTimeoutMs: settings.pingTimeoutMs,
  });
  const metrics = createMetrics(tally, webSockets.size);
  const { app, server } = await createHttp({ ...common, graphql, metrics, version, closing });
  server.on("upgrade", (request, socket: Socket, head) => {
    if (wantsWebSocket(request)) webSockets.upgrade(request, socket, head);
    else answerWithoutUpgrade(server, request, socket, head);
  });
  return { app, server, webSockets, beginClosing };
}

/** Waits, but no longer than so many ms. */
const within = async (ms: number, done: PromiseLike<unknown>): Promise<void> => {
  await Promise.race([done, new Promise((resolve) => setTimeout(resolve, ms))]);
};

function urlOf(address: AddressInfo | string | null, host: string): string {
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
