/** Assembles the parts of a gateway, starts it, and closes the parts in reverse order. */
import { randomUUID } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { createAdmission } from "./access/admission.ts";
import { createBrowserGuard } from "./access/browser-guard.ts";
import { createForwarding, createProxyTest } from "./access/forwarding.ts";
import { createAuthenticator } from "./access/identity/authenticator.ts";
import { createTickets } from "./access/identity/tickets.ts";
import { createClientMemory } from "./access/limits/client-memory.ts";
import { createLimits } from "./access/limits/limits.ts";
import { createOwnUsage } from "./access/limits/usage.ts";
import { createSessionList, joinSessionLists } from "./access/session-list.ts";
import { createSessions, type Sessions } from "./access/sessions.ts";
import { openTlsFiles } from "./access/tls-files.ts";
import { createPresence } from "./devices/presence.ts";
import { GatewayError } from "./domain/errors.ts";
import type { Logger } from "./domain/logger.ts";
import { mostKeyBytes } from "./domain/stream-name.ts";
import { createHub } from "./live/hub.ts";
import { createPageCache } from "./live/page-cache.ts";
import { createRecentMemory } from "./live/recent-batches.ts";
import { createSubscriber } from "./live/subscription.ts";
import { createCounters } from "./observe/counters.ts";
import { createLatencySampler } from "./observe/latency-sampler.ts";
import { createMetrics } from "./observe/metrics.ts";
import { createStreamClasses } from "./observe/stream-classes.ts";
import { startTracing } from "./observe/tracing.ts";
import { createAppender } from "./redis/append/appender.ts";
import { createRetention } from "./redis/append/retention.ts";
import { watchAvailability } from "./redis/availability.ts";
import { describeRedis, findRedis, openStore, type StoreEndpoint } from "./redis/open-store.ts";
import { createEntrySizes } from "./redis/read/entry-sizes.ts";
import { createStreamReader } from "./redis/read/stream-reader.ts";
import { createMetaWatch } from "./redis/registry/metadata-watch.ts";
import { createRegistry } from "./redis/registry/registry.ts";
import { createTicketStore } from "./redis/registry/tickets.ts";
import type { Commands } from "./redis/resp/commands.ts";
import { requireWritableServer, warnOfServer } from "./redis/resp/server-check.ts";
import type { Settings } from "./settings.ts";
import { createExecutor } from "./transports/graphql/execution/executor.ts";
import { createSseStreams } from "./transports/graphql/protocol/sse-streams.ts";
import { createGraphqlSockets } from "./transports/graphql/protocol/websocket.ts";
import { answerWithoutUpgrade, wantsWebSocket } from "./transports/http/other-upgrades.ts";
import { createHttp } from "./transports/http/server.ts";
import { createWarnings } from "./transports/request/warnings.ts";
import { createTurnEnd } from "./transports/response/byte-sink.ts";
import { createClosing } from "./transports/response/closing.ts";
import { createErrorLog } from "./transports/response/error-log.ts";
import { createSocketDeadlines } from "./transports/response/socket-deadlines.ts";
import { createPushGate } from "./transports/websocket/backpressure.ts";
import { createPayloadPool } from "./transports/websocket/protocol/buffer-pool.ts";
import { createPullEncoders } from "./transports/websocket/pull-encoder.ts";
import { createWebSocketTransport } from "./transports/websocket/server.ts";
import type { Peers } from "./workers/peers.ts";

/** Bytes of buffers that are kept for reuse by large messages: enough for a few cameras. */
const PAYLOAD_POOL_BYTES = 16 * 1024 * 1024;

/** A running gateway. */
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

/**
 * Starts a gateway.
 *
 * @param signal aborts the start, for example while a managed Redis loads its data; all started parts are closed
 * @param peers the other workers, if this process is one of several workers
 * @throws Error with a message for the operator if it cannot start, or the signal's reason if it was aborted
 */
export async function startGateway(
  settings: Settings,
  logger: Logger,
  version: string,
  signal?: AbortSignal,
  peers?: Peers,
): Promise<Gateway> {
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async () => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const endpoint = await findRedis(settings, logger, closers, signal);
    const parts = await assemble(settings, endpoint, logger, version, closers, peers);
    const { app, server } = parts;
    await app.listen({ host: settings.host, port: settings.port });
    return {
      url: urlOf(server.address(), settings),
      redis: describeRedis(endpoint),
      isManaged: settings.redisUrl === "",
      async close() {
        await endConnections(parts, settings.shutdownMs);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Interval in ms at which the shutdown checks for finished uploads and idle connections. */
const CLOSE_POLL_MS = 20;

/** Stops accepting connections, completes open requests, then closes all connections. @param ms time limit for all steps */
async function endConnections(
  { app, server, webSockets, uploads, deadlines, beginClosing }: Awaited<ReturnType<typeof assemble>>,
  ms: number,
): Promise<void> {
  server.close();
  beginClosing();
  deadlines.beginClosing();
  const closingIdle = setInterval(() => server.closeIdleConnections(), CLOSE_POLL_MS);
  const uploadsEnd = performance.now() + ms * UPLOADS_SHARE;
  const finishUploads = async () => {
    while (uploads.size() > 0 && performance.now() < uploadsEnd) await pause(CLOSE_POLL_MS);
    uploads.end(
      new GatewayError("SHUTTING_DOWN", "the gateway is shutting down before the body is complete"),
    );
  };
  await Promise.all([webSockets.close(ms / 2), finishUploads()]);
  await within(ms / 4, app.close());
  clearInterval(closingIdle);
  server.closeAllConnections();
  deadlines.close();
}

/** Fraction of `SHUTDOWN_MS` in which request bodies may still be received. */
const UPLOADS_SHARE = 5 / 8;

async function assemble(
  settings: Settings,
  endpoint: StoreEndpoint,
  logger: Logger,
  version: string,
  closers: (() => Promise<void> | void)[],
  peers: Peers | undefined,
) {
  const counters = createCounters();
  const streamClasses = createStreamClasses(settings.metricsClasses);
  const sizes = createEntrySizes();
  const store = openStore(settings, endpoint, { sizes, counters, logger });
  closers.push(store.close);
  const { streamMaxLength: maxEntries, streamMaxAgeMs: maxAgeMs, streamMaxBytes: maxBytes } = settings;
  const retention = createRetention(store.reads, { maxEntries, maxAgeMs, maxBytes }, logger);
  closers.push(retention.close);
  const append = createAppender({
    retention,
    openSending: store.openSending,
    streamMaxLength: settings.streamMaxLength,
    onStored: (key) => polled.forget(key),
    counters,
    streamClasses,
  });
  const { maxAnswerBytes: answerBytes, pageBytes } = settings;
  const readerParts = { sizes, answerBytes, pageBytes };
  const streamReader = createStreamReader({ ...readerParts, reads: store.reads, replicas: store.replicas });
  const polled = store.openPolledReads((reads) => createStreamReader({ ...readerParts, reads }));
  const availability = watchAvailability({ ping: store.ping, counters, logger });
  closers.push(availability.close);
  void warnOfServer(store.reads, logger);
  const turnEnd = createTurnEnd();
  const delays = createLatencySampler(turnEnd.add, (seconds) => metrics.observeLatency(seconds));
  const hub = createHub({
    openTail: (handOut, events) =>
      store.openTail((tailReads) => {
        const isKept = handOut(tailReads);
        const newest = tailReads[0]?.entries.at(-1);
        if (newest !== undefined) delays.sample(newest.id);
        return isKept;
      }, events),
    memory: createRecentMemory(settings.recentBytes, counters),
    counters,
    logger,
  });
  closers.push(hub.close);
  const pageCache = createPageCache({
    streamReader,
    sizes,
    pageBytes,
    cacheBytes: settings.pageCacheBytes,
    counters,
  });

  const { closing, close: beginClosing } = createClosing();
  const memory = createClientMemory(settings);
  const deadlines = createSocketDeadlines({
    ...settings,
    isShort: memory.isShort,
    onWriteTimeout: () => access.limiting.hit("write_time"),
    logger,
  });
  closers.push(deadlines.close);
  const tracing = await startTracing(settings.otlpEndpoint, version, logger);
  if (tracing !== undefined) closers.push(() => tracing.close());
  const access = openAccess(settings, store.reads, logger, closers, peers);
  const common = {
    ...access,
    errorLog: createErrorLog(counters, logger),
    streamReader,
    append,
    availability,
    isReady: async () => {
      await store.ping();
      await requireWritableServer(store.reads);
    },
    polled: polled.reads,
    subscribe: createSubscriber({ hub, pageCache, streamReader, counters, streamClasses }),
    limits: settings,
    turnEnd,
    warnings: createWarnings(counters, logger),
    memory,
    counters,
    streamClasses,
    logger,
    maxMessageBytes: settings.maxMessageBytes,
    tracing,
  };
  const presence = createPresence({
    leases: store.createLeases(randomUUID()),
    timeoutMs: settings.deviceTimeoutMs,
    logger,
  });
  closers.push(() => within(settings.shutdownMs / 8, presence.close()));
  const metaWatch = createMetaWatch(store.openMetaTracking, mostKeyBytes(settings.maxNameBytes));
  closers.push(metaWatch.close);
  const graphql = createExecutor({
    ...common,
    registry: createRegistry({
      database: store.reads,
      mostKeyBytes: mostKeyBytes(settings.maxNameBytes),
      streamMaxLength: settings.streamMaxLength,
    }),
    retention,
    metaWatch,
    enableFlush: settings.enableFlush,
    version,
    closing,
    pathPrefix: settings.pathPrefix,
  });
  const payloadPool = createPayloadPool(PAYLOAD_POOL_BYTES, counters);
  const webSockets = createWebSocketTransport({
    ...common,
    presence,
    devicePresence: settings.devicePresence,
    serveGraphql: createGraphqlSockets(graphql, common.turnEnd, payloadPool),
    graphqlMaxBytes: settings.graphqlMaxBytes,
    pushGate: createPushGate({
      perSocketBytes: settings.pushInFlightBytes,
      totalBytes: settings.totalInFlightBytes,
      counters,
    }),
    payloadPool,
    pullEncoders: createPullEncoders(),
    pingIntervalMs: settings.pingIntervalMs,
    pingTimeoutMs: settings.pingTimeoutMs,
    uploadTimeoutMs: settings.uploadTimeoutMs,
    deadlines,
    pathPrefix: settings.pathPrefix,
  });
  const tls = settings.tlsCert === "" ? undefined : openTlsFiles(settings.tlsCert, settings.tlsKey, logger);
  if (tls !== undefined) closers.push(tls.close);
  const metrics = createMetrics({
    counters,
    streamClasses,
    sockets: webSockets.size,
    sendBufferBytes: webSockets.sendBufferBytes,
    limitHits: access.limiting.hits,
    errors: common.errorLog.counts,
    sessions: access.sessions.counts,
    memory: common.memory.counts,
    redisSeconds: () => timePing(store.ping),
  });
  const ownSessions = createSessionList(access.sessions);
  const graphqlStreams = createSseStreams(graphql, peers?.streams);
  peers?.register({ metrics: metrics.values, sessions: ownSessions, streams: graphqlStreams.own });
  const { app, server, uploads } = await createHttp({
    ...common,
    graphql,
    graphqlStreams,
    metrics: peers === undefined ? metrics : { ...metrics, text: peers.metrics },
    sessionList: peers === undefined ? ownSessions : joinSessionLists(ownSessions, peers.sessions),
    version,
    closing,
    bodySettings: settings,
    serverLimits: { ...settings, isProxy: access.isProxy, usage: access.usage, deadlines },
    tls,
    pathPrefix: settings.pathPrefix,
  });
  server.on("upgrade", (request, socket: Socket, head) => {
    if (wantsWebSocket(request)) webSockets.upgrade(request, socket, head);
    else answerWithoutUpgrade(server, request, socket, head);
  });
  return { app, server, webSockets, uploads, deadlines, beginClosing };
}

/** Time in ms after which the metrics report no reply from Redis. */
const PING_TIMEOUT_MS = 1000;

/** Returns the time of a ping in seconds, or NaN if Redis does not reply. */
async function timePing(ping: () => Promise<void>): Promise<number> {
  const from = performance.now();
  const late = new Promise<boolean>((resolve) => setTimeout(resolve, PING_TIMEOUT_MS, false).unref());
  const answered = ping().then(
    () => true,
    () => false,
  );
  return (await Promise.race([answered, late])) ? (performance.now() - from) / 1000 : Number.NaN;
}

/** Waits for a promise, at most `ms`. */
const within = async (ms: number, done: PromiseLike<unknown>): Promise<void> => {
  await Promise.race([done, pause(ms)]);
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Creates the parts that authenticate, authorize and limit clients. */
function openAccess(
  settings: Settings,
  commands: Commands,
  logger: Logger,
  closers: (() => Promise<void> | void)[],
  peers: Peers | undefined,
) {
  const tickets = createTickets(createTicketStore(commands), settings.ticketTtlMs);
  const authenticator = createAuthenticator({
    isOn: settings.auth,
    keysFile: settings.authKeysFile,
    secret: settings.jwtSecret,
    keys: settings.jwtKeys,
    audience: settings.jwtAudience,
    issuer: settings.jwtIssuer,
    clockToleranceMs: settings.jwtClockToleranceMs,
    tickets,
    onKeysChange: () => sessions.review(),
    logger,
  });
  const usage = peers?.usage ?? createOwnUsage();
  const limiting = createLimits(settings, usage);
  const sessions: Sessions = createSessions(authenticator, limiting);
  const guard = createBrowserGuard({ ...settings, listenHost: settings.host });
  const isProxy = createProxyTest(settings.trustProxy);
  const admission = createAdmission({ authenticator, guard, forwarding: createForwarding(isProxy) });
  closers.push(authenticator.close, sessions.close);
  return { tickets, authenticator, sessions, limiting, guard, admission, isProxy, usage };
}

function urlOf(address: AddressInfo | string | null, { host, tlsCert, pathPrefix }: Settings): string {
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const scheme = tlsCert === "" ? "http" : "https";
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}${pathPrefix}`;
}
