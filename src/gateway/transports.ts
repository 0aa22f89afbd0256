/** Opens the transports of a gateway. The only place where routes meet servers. */
import type { Server } from "node:http";
import { dirname, join, resolve } from "node:path";
import type { FastifyInstance } from "fastify";
import { createSessionList, joinSessionLists, sessionHandlers } from "../access/session-list.ts";
import { openTlsFiles } from "../access/tls-files.ts";
import type { PeerHandlers } from "../domain/peers.ts";
import { within } from "../domain/scheduling/timeout.ts";
import { faultOf } from "../observe/faults.ts";
import { createMetrics, type Metrics } from "../observe/metrics.ts";
import { FileThread } from "../recordings/thread/file-thread.ts";
import type { Settings } from "../settings.ts";
import type { Demo } from "../transports/demo/demo-status.ts";
import { demoRoutes } from "../transports/demo/http.ts";
import { OwnDemo } from "../transports/demo/own-demo.ts";
import { demoHandlers, peerDemo } from "../transports/demo/peer-demo.ts";
import { createFoxgloveRoute } from "../transports/foxglove/route.ts";
import { createExecutor } from "../transports/graphql/execution/executor.ts";
import { graphqlRoutes } from "../transports/graphql/protocol/http.ts";
import { peerStreams, streamHandlers } from "../transports/graphql/protocol/sse-peer-streams.ts";
import { createSseStreams } from "../transports/graphql/protocol/sse-streams.ts";
import { createGraphqlRoute } from "../transports/graphql/protocol/websocket.ts";
import type { Uploads } from "../transports/http/bodies/uploads.ts";
import { httpRoutes } from "../transports/http/own-routes.ts";
import { createHttpServer } from "../transports/http/server.ts";
import type { TransportParts } from "../transports/parts.ts";
import { recordingRoutes } from "../transports/recordings/http.ts";
import { peerRecordings, recordingHandlers } from "../transports/recordings/peer-recordings.ts";
import { OwnRecordings, type Recordings } from "../transports/recordings/recordings.ts";
import { createDataRoutes } from "../transports/websocket/routes.ts";
import { createWebSocketServer, type WebSocketServer } from "../transports/websocket/server.ts";
import { createPushGate } from "../transports/websocket-protocol/backpressure.ts";
import { createPayloadPool } from "../transports/websocket-protocol/memory/buffer-pool.ts";
import { workRoutes } from "../transports/work/http.ts";
import { createWorkRoute } from "../transports/work/socket.ts";
import type { Peers } from "../workers/peers.ts";
import type { Closers } from "./closers.ts";
import type { GatewayObserve } from "./observe.ts";
import type { Storage } from "./storage.ts";
import { createBoundsReader } from "./stream-bounds.ts";

/** Bytes of buffers that are kept for reuse by large messages: enough for a few cameras. */
const PAYLOAD_POOL_BYTES = 16 * 1024 * 1024;

/**
 * Listener for errors of a WebSocket's connection: an unhandled error event would end the process, and the close event that
 * follows each error is sufficient. One function for all, because a function of `onWebSocket` would keep the request in
 * memory as long as its connection.
 */
const IGNORE = (): void => undefined;

/** Parts of all transports; each reads its own settings. */
export interface GatewayParts extends Pick<TransportParts, "streams" | "access"> {
  readonly observe: GatewayObserve;
  readonly config: Settings & { readonly version: string };
}

/** Opened transports. */
export interface Transports {
  readonly app: FastifyInstance;
  readonly server: Server;
  readonly webSockets: WebSocketServer;
  readonly uploads: Uploads;
}

/** Opens the transports, not yet listening. @param peers the other workers, if there are several */
export async function openTransports(
  parts: GatewayParts,
  ping: Storage["store"]["ping"],
  closers: Closers,
  peers: Peers | undefined,
): Promise<Transports> {
  const { access, config, observe } = parts;
  const payloadPool = createPayloadPool(PAYLOAD_POOL_BYTES, observe.counters);
  const pushGate = createPushGate({
    perSocketBytes: config.pushInFlightBytes,
    totalBytes: config.totalInFlightBytes,
    counters: observe.counters,
  });
  const graphql = createExecutor(parts);
  const webSockets = createWebSocketServer(
    parts,
    [
      ...createDataRoutes(parts, payloadPool, pushGate),
      createWorkRoute(parts, payloadPool),
      createGraphqlRoute(graphql, payloadPool),
      createFoxgloveRoute(parts, payloadPool, pushGate),
    ],
    payloadPool,
  );
  const ownMetrics = openMetrics(parts, webSockets, ping);
  const ownSessions = createSessionList(
    access.sessions,
    createBoundsReader(parts.streams),
    access.turns.slices,
  );
  const eventStreams = createSseStreams(graphql, peers && peerStreams(peers.request));
  const { recordings, handlers: recordingRequests } = openRecordings(parts, closers, peers);
  const { demo, handlers: demoRequests } = openDemo(parts, closers, peers);
  peers?.register({
    metrics: ownMetrics.values,
    requests: {
      ...sessionHandlers(ownSessions),
      ...streamHandlers(eventStreams.own),
      ...recordingRequests,
      ...demoRequests,
    },
  });
  const metrics = peers === undefined ? ownMetrics : { ...ownMetrics, text: peers.metrics };
  const sessionList = peers === undefined ? ownSessions : joinSessionLists(ownSessions, peers.request);
  const exports = new FileThread((exception) => void faultOf(exception, "export", observe));
  closers.push(() => exports.close());
  const tls = config.tlsCert === "" ? undefined : openTlsFiles(config.tlsCert, config.tlsKey, observe.logger);
  if (tls !== undefined) closers.push(tls.close);
  const { app, server, onWebSocket, uploads } = await createHttpServer(
    parts,
    [
      httpRoutes(parts, { metrics, sessionList, exports }),
      workRoutes(parts),
      recordingRoutes(parts, { recordings, directory: recordingsDirectory(config) }),
      demoRoutes(parts, demo, config.demo),
      graphqlRoutes(graphql, eventStreams),
    ],
    tls,
  );
  onWebSocket((request, socket, head) => {
    socket.on("error", IGNORE);
    access.turns.requests.run({ connection: socket, address: () => access.addressOf(request) }, () => {
      if (!socket.destroyed) webSockets.upgrade(request, socket, head);
    });
  });
  return { app, server, webSockets, uploads };
}

/** Opens the recordings. With several workers the first one records, because a directory has one writer. */
function openRecordings(
  parts: GatewayParts,
  closers: Closers,
  peers: Peers | undefined,
): { readonly recordings: Recordings; readonly handlers: PeerHandlers } {
  if (peers !== undefined && peers.number !== 1)
    return { recordings: peerRecordings(peers.request), handlers: {} };
  const { config } = parts;
  const own = new OwnRecordings(parts, {
    directory: recordingsDirectory(config),
    max: config.maxRecordings,
    maxPlaybacks: config.maxPlaybacks,
  });
  closers.push(async () => void (await within(config.shutdownMs / 4, own.close())));
  own.start();
  return { recordings: own, handlers: recordingHandlers(own) };
}

/** Opens the demo. With several workers the first one plays it, so that a client can stop it through any of them. */
function openDemo(
  parts: GatewayParts,
  closers: Closers,
  peers: Peers | undefined,
): { readonly demo: Demo; readonly handlers: PeerHandlers } {
  if (peers !== undefined && peers.number !== 1) return { demo: peerDemo(peers.request), handlers: {} };
  const own = new OwnDemo(parts);
  closers.push(() => own.close());
  return { demo: own, handlers: demoHandlers(own) };
}

/** Returns the directory of recordings: by default beside that of the managed Redis. */
const recordingsDirectory = ({
  recordingsDir,
  dataDir,
}: Pick<Settings, "recordingsDir" | "dataDir">): string =>
  recordingsDir === "" ? join(dirname(resolve(dataDir)), "recordings") : resolve(recordingsDir);

function openMetrics(
  { access, observe, streams: { groups } }: GatewayParts,
  { size, sendBufferBytes }: WebSocketServer,
  ping: Storage["store"]["ping"],
): Metrics {
  return createMetrics({
    counters: observe.counters,
    streamClasses: observe.streamClasses,
    latency: observe.latency,
    sockets: size,
    sendBufferBytes,
    limitHits: access.limits.hits,
    errors: observe.errorLog.counts,
    sessions: () => access.sessions.counts(),
    memory: access.memory.counts,
    backlogs: async () => (await within(PING_TIMEOUT_MS, groups.backlogs())) ?? [],
    redisSeconds: () => timePing(ping),
  });
}

/** Time in ms after which the metrics report no reply from Redis. */
const PING_TIMEOUT_MS = 1000;

/** Returns the time of a ping in seconds, or NaN if Redis does not reply. */
async function timePing(ping: () => Promise<void>): Promise<number> {
  const from = performance.now();
  const answered = ping().then(
    () => true,
    () => false,
  );
  return (await within(PING_TIMEOUT_MS, answered)) === true ? (performance.now() - from) / 1000 : Number.NaN;
}
