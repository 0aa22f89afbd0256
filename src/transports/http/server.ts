/** HTTP server of the gateway: the checks that every request passes. The routes are handed in. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { CONNECTION_HEADER } from "../../access/admission.ts";
import { noLongerGood } from "../../access/sessions.ts";
import type { TlsFiles } from "../../access/tls-files.ts";
import { GatewayError } from "../../domain/errors.ts";
import { withoutPrefix } from "../request/path-prefix.ts";
import { checkHead } from "../request/request-head.ts";
import { resolveTarget } from "../request/request-target.ts";
import { WARNINGS_HEADER } from "../request/warnings.ts";
import { addAnswersMemory } from "../response/memory/response-memory.ts";
import { ANSWER_HEADERS, SHARED_ANSWER_HEADERS } from "../response/security-headers.ts";
import { addBodies } from "./bodies/bodies.ts";
import { addBodyLimits, SMALL_BODY_BYTES } from "./bodies/body-limits.ts";
import { delayContinue } from "./bodies/expect-continue.ts";
import { addUploads, type Uploads } from "./bodies/uploads.ts";
import { type BoundedServer, createBoundedServer, type ServerConfig } from "./bounded-server.ts";
import { answerBrokenRequest } from "./broken-requests.ts";
import { rejectConnect } from "./connect-requests.ts";
import { addCors, type CorsOptions, createAllowOrigin } from "./cors.ts";
import { answerWithoutUpgrade, wantsWebSocket } from "./other-upgrades.ts";
import { addRates } from "./rate-limit.ts";
import { createErrorAnswers } from "./responses/error-responses.ts";
import { METHODS, notFound } from "./responses/not-found.ts";
import { addParameterWarnings } from "./responses/parameter-warnings.ts";
import { RepeatedResponses } from "./responses/repeated-responses.ts";
import { type AddRoutes, MAX_SEGMENT_LENGTH, type RouteParts } from "./route.ts";
import { addTraces } from "./traces.ts";

/** Parts of the HTTP server. */
export interface HttpParts extends RouteParts {
  readonly config: RouteParts["config"] & ServerConfig;
}

/** Takes over the connection of a handshake. @param head bytes after the head of the request */
export type UpgradeListener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/** HTTP server, to which transports add their routes. */
export interface HttpServer {
  readonly app: FastifyInstance;
  /** The Node server below. */
  readonly server: Server;
  /** Sets the listener of WebSocket handshakes. */
  readonly onWebSocket: (listener: UpgradeListener) => void;
  readonly uploads: Uploads;
}

/** Response headers that a page of another origin may read. */
const EXPOSED_HEADERS = [
  CONNECTION_HEADER,
  "x-offsets",
  "x-last-entry-id",
  "x-gaps",
  "x-entry-id",
  "x-lost",
  "etag",
  "content-range",
  "accept-ranges",
  "content-length",
  WARNINGS_HEADER,
  "link",
  "retry-after",
];

/**
 * Creates the server, not yet listening.
 *
 * @param routes add the routes of the transports
 * @param tls certificate and key; undefined for plain HTTP
 */
export async function createHttpServer(
  parts: HttpParts,
  routes: readonly AddRoutes[],
  tls: TlsFiles | undefined,
): Promise<HttpServer> {
  const { access, observe, config } = parts;
  const { guard, admission } = access;
  const cors: CorsOptions = {
    allows: (request, origin) => guard.allowsOrigin(origin, request.visitor.host),
    methods: METHODS,
    exposedHeaders: EXPOSED_HEADERS,
  };
  const allowOrigin = createAllowOrigin(cors);
  const receive = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.headers(ANSWER_HEADERS);
    request.visitor = admission.receive(request.raw);
    reply.header(CONNECTION_HEADER, request.visitor.id);
  };
  const answerError = createErrorAnswers(parts, (request, reply) => {
    receive(request, reply);
    allowOrigin(request, reply);
  });
  const repeatedResponses = new RepeatedResponses(parts);
  let bounded: BoundedServer | undefined;
  const app: FastifyInstance = fastify({
    bodyLimit: SMALL_BODY_BYTES,
    exposeHeadRoutes: false,
    rewriteUrl: ({ url = "/" }) => withoutPrefix(url, config.pathPrefix),
    forceCloseConnections: "idle",
    // A hook below sends the 503, with the gateway's error body.
    return503OnClosing: false,
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: MAX_SEGMENT_LENGTH,
      // Each route parses its own parameters, because the meaning of a plus depends on the parameter.
      querystringParser: () => ({}),
    },
    serverFactory(handler) {
      bounded = createBoundedServer(repeatedResponses.before(handler), config, access, tls);
      return bounded.server;
    },
    // Errors before a route is found, and before a request is parsed.
    frameworkErrors: answerError,
    clientErrorHandler(error, socket) {
      if (bounded === undefined) return;
      const { pipelines } = bounded;
      answerBrokenRequest(error, socket, { config, access, errorLog: observe.errorLog, pipelines });
    },
  });
  // Before any route is added, including the preflight route: a route keeps the error handler of that moment.
  app.setErrorHandler(answerError);
  const uploads = addChecks(app, parts, receive, cors);
  repeatedResponses.add(app);
  for (const add of routes) await add(app);
  await app.ready();
  if (bounded === undefined) throw new Error("Fastify did not create a server");
  const { server, pipelines }: BoundedServer = bounded;
  // Without a listener Node sends 417 without a body; `checkHead` rejects these requests with one.
  server.on("checkExpectation", (request, response) => server.emit("request", request, response));
  delayContinue(server);
  rejectConnect(server, pipelines, access, observe.errorLog);
  const onWebSocket = (listener: UpgradeListener) =>
    void server.on("upgrade", (request, socket: Socket, head) => {
      if (pipelines.keepRest(server, request, socket, head)) return;
      if (wantsWebSocket(request)) {
        resolveTarget(request);
        listener(request, socket, head);
      } else answerWithoutUpgrade(server, request, socket, head);
    });
  return { app, server, onWebSocket, uploads };
}

/** Adds the hooks of all routes, in the order in which a request passes them. */
function addChecks(
  app: FastifyInstance,
  { access, observe, config }: HttpParts,
  receive: (request: FastifyRequest, reply: FastifyReply) => void,
  cors: CorsOptions,
): Uploads {
  const { admission, authenticator, closing, limits, memory, sessions, turns } = access;
  addBodyLimits(app, config);
  app.removeAllContentTypeParsers();
  addBodies(app, memory, turns.requests);
  addAnswersMemory(app, memory);
  app.decorateRequest("visitor");
  app.addHook("onRequest", (request, reply, done) => {
    receive(request, reply);
    admission.check(request.visitor, request.raw);
    const site = request.headers["sec-fetch-site"];
    if (site !== undefined && site !== "same-origin") reply.headers(SHARED_ANSWER_HEADERS);
    done();
  });
  addCors(app, cors);
  // After CORS, so that a page can read the error.
  app.addHook("onRequest", ({ raw }, reply, done) => {
    checkHead(raw);
    if (closing.isClosing()) {
      reply.header("connection", "close");
      throw new GatewayError("SHUTTING_DOWN", "the gateway is shutting down");
    }
    // The methods of the server as a whole (RFC 9110, section 9.3.7).
    if (raw.url === "*") reply.code(204).header("allow", METHODS.join(", ")).send();
    else done();
  });
  if (observe.tracing !== undefined) addTraces(app, observe.tracing);
  // After CORS, so that a page can detect that it has to log in.
  app.addHook("onRequest", (request, _reply, done) => {
    const { visitor, raw, routeOptions } = request;
    const identifying = routeOptions.config.isPublic === true ? undefined : admission.identify(visitor, raw);
    if (identifying === undefined) done();
    else identifying.then(() => done(), done);
  });
  if (limits.hasRates) addRates(app, limits);
  addParameterWarnings(app, observe.warnings);
  // Before the body is read, so that a wrong path is reported even if the body is too large.
  app.addHook("onRequest", (request, reply, done) => {
    if (request.is404) throw notFound(app, request, reply);
    done();
  });
  const uploads = addUploads(app, sessions);
  // Many bodies may be complete in one turn of the event loop, long after their heads.
  app.addHook("preHandler", ({ body, visitor, raw }, _reply, done) => {
    if (Buffer.isBuffer(body))
      turns.requests.run({ connection: raw.socket, address: () => visitor.address }, done);
    else done();
  });
  if (!authenticator.isOpen)
    app.addHook("preHandler", ({ body, visitor }, _reply, done) => {
      // A body may take minutes to arrive. Its credentials may have expired or been revoked by then.
      if (Buffer.isBuffer(body) && !authenticator.isGood(visitor.identity)) throw noLongerGood();
      done();
    });
  app.setNotFoundHandler((request, reply) => {
    throw notFound(app, request, reply);
  });
  return uploads;
}
