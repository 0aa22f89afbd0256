/** Node's HTTP server with limits on unauthenticated clients: sockets, header size and time. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { TlsFiles } from "../../access/tls-files.ts";
import type { AcceptPressure } from "../../domain/scheduling/accept-pressure.ts";
import type { Access } from "../parts.ts";
import { resolveTarget } from "../request/request-target.ts";
import type { SocketDeadlines } from "../response/sockets/socket-deadlines.ts";
import { wantsWebSocket } from "./other-upgrades.ts";
import { Pipelines } from "./pipeline.ts";

/** Settings that limit the server. 0 sockets means no limit. */
export interface ServerConfig {
  readonly maxHeaderBytes: number;
  readonly maxSockets: number;
  readonly maxSocketsPerAddress: number;
  readonly handshakeTimeoutMs: number;
  readonly uploadTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Maximum interval (ms) between checks for slow requests. */
const CHECK_EVERY_MS = 1000;

/** The server and its pipelined requests. */
export interface BoundedServer {
  readonly server: Server;
  readonly pipelines: Pipelines;
}

/** Creates the server. */
export function createBoundedServer(
  unbounded: RequestListener,
  config: ServerConfig,
  { isProxy, usage, deadlines, limits, turns, addressOf }: Access,
  tls: TlsFiles | undefined,
): BoundedServer {
  const { maxHeaderBytes, handshakeTimeoutMs, uploadTimeoutMs, idleTimeoutMs } = config;
  const pipelines = new Pipelines(
    (request, response) =>
      turns.requests.run({ connection: request.socket, address: () => addressOf(request) }, () => {
        // Node has already closed the response of a closed connection.
        if (request.socket.destroyed) return;
        resolveTarget(request);
        unbounded(request, response);
      }),
    () => limits.hit("waiting_requests"),
  );
  const options = {
    // Used by Node 24.9 and later. Earlier versions pass every upgrade to the listener, which handles the other ones itself.
    shouldUpgradeCallback: wantsWebSocket,
    maxHeaderSize: maxHeaderBytes,
    noDelay: true,
    headersTimeout: Math.min(handshakeTimeoutMs, uploadTimeoutMs),
    requestTimeout: uploadTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, handshakeTimeoutMs),
    // `checkHead` rejects a missing Host. Node's own response would have no body.
    requireHostHeader: false,
  };
  const server = tls === undefined ? createServer(options, pipelines.handle) : createTlsServer(tls);
  // `checkHead` rejects too many lines, with CORS headers. Node would drop lines, or respond without CORS headers.
  server.maxHeadersCount = 0;
  // A client that half-closes the connection after its request (`nc -N`) still receives the response.
  Object.assign(server, { httpAllowHalfOpen: true });
  watchSockets(server, deadlines, turns.pressure, tls !== undefined);
  limitSockets(server, config, { isProxy, usage, limits });
  return { server, pipelines };

  function createTlsServer(files: TlsFiles): Server {
    const secure = createHttpsServer(
      { ...options, ...files.current(), handshakeTimeout: handshakeTimeoutMs, minVersion: "TLSv1.2" },
      pipelines.handle,
    );
    // Open connections keep the old certificate.
    files.onChange((certificate) => secure.setSecureContext({ ...certificate, minVersion: "TLSv1.2" }));
    return secure;
  }
}

/** Sets the deadlines of every accepted socket. */
function watchSockets(
  server: Server,
  deadlines: SocketDeadlines,
  pressure: AcceptPressure,
  isTls: boolean,
): void {
  if (isTls) {
    server.on("connection", (socket) => {
      pressure.noteAccepted();
      deadlines.acceptHandshake(socket);
    });
    server.on("secureConnection", (socket) => deadlines.accept(socket));
    // Runs after Node's own listener, which reports a client error. No response is possible after a failed handshake.
    server.on("tlsClientError", (_error, socket: Socket) => void socket.destroy());
  } else
    server.on("connection", (socket) => {
      // A socket that was handed back to the server is known.
      if (deadlines.accept(socket)) pressure.noteAccepted();
    });
  server.on("request", ({ socket }) => deadlines.use(socket));
  server.on("upgrade", (_request, socket: Socket) => deadlines.use(socket));
  const closeIdle = server.closeIdleConnections.bind(server);
  // Node counts a connection as idle once its response is written, even if the client has not received it.
  server.closeIdleConnections = () => {
    if (!deadlines.isSending()) closeIdle();
  };
}

/**
 * Closes connections over two limits, which all workers share. 0 means no limit.
 *
 * - `maxSockets`. `server.maxConnections` does not work here: it does not count connections of copies of the listening socket,
 *   and a worker at its limit hands the connection back, so that workers that are all at their limit would pass it around forever.
 * - A hard limit per address. It is twice the limit of connections per address, so that a client over that limit still
 *   receives a 429. Only floods of connections without requests are closed silently.
 */
function limitSockets(
  server: Server,
  { maxSockets, maxSocketsPerAddress }: ServerConfig,
  { isProxy, usage, limits }: Pick<Access, "isProxy" | "usage" | "limits">,
): void {
  const sockets = usage.count("sockets");
  const crowds = usage.count("crowds");
  const counted = new WeakSet<Socket>();
  const isInCrowd = (address: string) => maxSocketsPerAddress > 0 && !isProxy(address);
  function count({ remoteAddress: address = "" }: Socket, change: 1 | -1): void {
    if (maxSockets > 0) sockets.add("", change);
    if (isInCrowd(address)) crowds.add(address, change);
  }
  // One listener for all sockets, because there may be very many. Node keeps the address of a closed socket.
  function closed(this: Socket): void {
    count(this, -1);
  }
  server.on("connection", (socket: Socket) => {
    // A socket that was handed back to the server is emitted a second time.
    if (counted.has(socket)) return;
    const { remoteAddress: address = "" } = socket;
    const isOver = maxSockets > 0 && sockets.of("") >= maxSockets;
    if (isOver || (isInCrowd(address) && crowds.of(address) >= 2 * maxSocketsPerAddress)) {
      limits.hit(isOver ? "sockets" : "sockets_per_address");
      socket.destroy();
      return;
    }
    counted.add(socket);
    count(socket, 1);
    socket.on("close", closed);
  });
}
