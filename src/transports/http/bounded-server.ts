/** Node's HTTP server with bounds on what a client may take of it before anybody has looked at who it is. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Limits } from "../../access/limits/limits.ts";
import type { Usage } from "../../access/limits/usage.ts";
import type { TlsFiles } from "../../access/tls-files.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Refusals } from "../response/error-log.ts";
import { endWithError } from "../response/errors.ts";
import type { SocketDeadlines } from "../response/socket-deadlines.ts";
import { wantsWebSocket } from "./other-upgrades.ts";
import { boundPipeline } from "./pipeline.ts";

/** The bounds; 0 sockets sets none. */
export interface ServerLimits {
  readonly maxHeaderBytes: number;
  readonly maxSockets: number;
  readonly maxSocketsPerAddress: number;
  readonly handshakeTimeoutMs: number;
  readonly uploadTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Whether an address is a proxy's, which connects for many. */
  readonly isProxy: (address: string) => boolean;
  /** Where connections are counted. */
  readonly usage: Usage;
  readonly deadlines: SocketDeadlines;
}

/** How often (ms) slow requests are looked for, at most. */
const CHECK_EVERY_MS = 1000;

/** Makes the server. */
export function createGuardedServer(
  unbounded: RequestListener,
  {
    maxHeaderBytes,
    maxSockets,
    maxSocketsPerAddress,
    handshakeTimeoutMs,
    uploadTimeoutMs,
    idleTimeoutMs,
    isProxy,
    usage,
    deadlines,
  }: ServerLimits,
  limits: Limits,
  tls: TlsFiles | undefined,
): Server {
  const handler = boundPipeline(unbounded);
  const options = {
    // Node 24.9 and later decide by this; earlier ones hand every offer to the listener, which hands it back.
    shouldUpgradeCallback: wantsWebSocket,
    maxHeaderSize: maxHeaderBytes,
    noDelay: true,
    headersTimeout: Math.min(handshakeTimeoutMs, uploadTimeoutMs),
    requestTimeout: uploadTimeoutMs,
    keepAliveTimeout: idleTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, handshakeTimeoutMs),
    // Node's own answer has no body; `checkHead` answers instead.
    requireHostHeader: false,
  };
  const server = tls === undefined ? createServer(options, handler) : createTlsServer(tls);
  // `checkHead` rejects too many lines, so that a page can read the answer. Node would drop them, or answer without CORS.
  server.maxHeadersCount = 0;
  // A client that ends its side after the request (`nc -N`) still receives the answer.
  Object.assign(server, { httpAllowHalfOpen: true });
  watchSockets(server, deadlines, tls !== undefined);
  if (maxSockets > 0 && usage.isShared) cutAll(server, maxSockets, usage, limits);
  else if (maxSockets > 0) server.maxConnections = maxSockets;
  server.on("drop", () => limits.hit("sockets"));
  if (maxSocketsPerAddress > 0) cutCrowds(server, 2 * maxSocketsPerAddress, isProxy, usage, limits);
  return server;

  function createTlsServer(files: TlsFiles): Server {
    const secure = createHttpsServer(
      { ...options, ...files.current(), handshakeTimeout: handshakeTimeoutMs, minVersion: "TLSv1.2" },
      handler,
    );
    // Connections that are open keep the certificate that they were opened with.
    files.onChange((certificate) => secure.setSecureContext({ ...certificate, minVersion: "TLSv1.2" }));
    return secure;
  }
}

/** Gives every accepted socket its deadlines. */
function watchSockets(server: Server, deadlines: SocketDeadlines, isTls: boolean): void {
  if (isTls) {
    server.on("connection", deadlines.acceptHandshake);
    server.on("secureConnection", deadlines.accept);
    // After Node's own listener, which reports a client error. A failed handshake leaves nothing to answer on.
    server.on("tlsClientError", (_error, socket: Socket) => void socket.destroy());
  } else server.on("connection", deadlines.accept);
  server.on("request", ({ socket }) => deadlines.use(socket));
  server.on("upgrade", (_request, socket: Socket) => deadlines.use(socket));
  const closeIdle = server.closeIdleConnections.bind(server);
  // Node counts a connection as idle as soon as its answer is written, even if the client has yet to receive it.
  server.closeIdleConnections = () => {
    if (!deadlines.isSending()) closeIdle();
  };
}

/**
 * Cuts connections beyond a number that all workers have together. Not by the server's own bound: a worker that is at
 * it sends a connection back, and where all are, they would send it around for ever.
 */
function cutAll(server: Server, most: number, usage: Usage, limits: Limits): void {
  const counts = usage.count("sockets");
  const counted = new WeakSet<Socket>();
  const closed = () => counts.add("", -1);
  server.on("connection", (socket: Socket) => {
    // A socket whose offer of another protocol was ignored arrives a second time.
    if (counted.has(socket)) return;
    if (counts.of("") >= most) {
      limits.hit("sockets");
      socket.destroy();
      return;
    }
    counted.add(socket);
    counts.add("", 1);
    socket.on("close", closed);
  });
}

/**
 * Cuts connections of one address beyond a number. It is more than may last there, so that whoever is over the limit is
 * told so, and only those that open connections and say nothing are not.
 */
function cutCrowds(
  server: Server,
  most: number,
  isProxy: (address: string) => boolean,
  usage: Usage,
  limits: Limits,
): void {
  const counts = usage.count("crowds");
  const counted = new WeakSet<Socket>();
  // One for all sockets, not one each: there may be very many. Node remembers the address of a socket that is closed.
  function closed(this: Socket): void {
    counts.add(this.remoteAddress ?? "", -1);
  }
  server.on("connection", (socket: Socket) => {
    const { remoteAddress: address = "" } = socket;
    if (isProxy(address) || counted.has(socket)) return;
    if (counts.of(address) >= most) {
      limits.hit("sockets_per_address");
      socket.destroy();
      return;
    }
    counted.add(socket);
    counts.add(address, 1);
    socket.on("close", closed);
  });
}

/** Answers what is no request, is too large a one, or took too long to become one. */
export function tellBrokenRequest(
  error: NodeJS.ErrnoException,
  socket: Socket,
  { maxHeaderBytes, deadlines }: ServerLimits,
  limits: Limits,
  refusals: Refusals,
): void {
  // A connection that was reset, or closed by the client, has nobody to tell.
  if (error.code === "ECONNRESET" || !socket.writable) {
    deadlines.finish(socket);
    return;
  }
  const told = brokenRequest(error, maxHeaderBytes, limits);
  refusals.note(told, { door: "HTTP", address: socket.remoteAddress });
  endWithError(socket, told, deadlines);
}

function brokenRequest(
  { code, message }: NodeJS.ErrnoException,
  maxHeaderBytes: number,
  limits: Limits,
): GatewayError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      limits.hit("header_bytes");
      return new GatewayError(
        "HEADERS_TOO_LARGE",
        `the headers are over the limit of ${maxHeaderBytes} bytes`,
      );
    case "ERR_HTTP_REQUEST_TIMEOUT":
      limits.hit("handshake_time");
      return new GatewayError("REQUEST_TIMEOUT", "the request did not come to its end in time");
    default:
      return new GatewayError("BAD_REQUEST", `this is no HTTP/1.1 request: ${message}`);
  }
}
