/** HTTP server of the gateway: routes, browser access checks and error responses. */
import type { Server } from "node:http";

import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from "fastify";
import { type Admission, CONNECTION_HEADER } from "../../access/admission.ts";
import type { BrowserGuard } from "../../access/browser-guard.ts";
import type { SessionList } from "../../access/session-list.ts";
import { noLongerGood } from "../../access/sessions.ts";
import type { TlsFiles } from "../../access/tls-files.ts";
import { asGatewayError, badParameter, type ErrorCode, GatewayError } from "../../domain/errors.ts";
import type { Metrics } from "../../observe/metrics.ts";
import type { Tracing } from "../../observe/tracing.ts";
import type { Executor } from "../graphql/execution/executor.ts";
import { addGraphql } from "../graphql/protocol/http.ts";
import type { SseStreams } from "../graphql/protocol/sse-streams.ts";
import { acceptsPage } from "../request/media-types.ts";
import { withoutPrefix } from "../request/path-prefix.ts";
import { checkHead } from "../request/request-head.ts";
import { WARNINGS_HEADER } from "../request/warnings.ts";
import { errorBody } from "../response/append-results.ts";
import { type ErrorLog, routePatternOf } from "../response/error-log.ts";
import { ANSWER_HEADERS, SHARED_ANSWER_HEADERS, sendPage } from "../response/security-headers.ts";
import { addAnswersMemory } from "./answers-memory.ts";
import { addBodies } from "./bodies.ts";
import { addBodyLimits, type BodySettings, SMALL_BODY_BYTES } from "./body-limits.ts";
import { answerBrokenRequest, createGuardedServer, type ServerLimits } from "./bounded-server.ts";
import { addCors } from "./cors.ts";
import { delayContinue } from "./expect-continue.ts";
import { loginPage } from "./pages.ts";
import { addRates } from "./rate-limit.ts";
import { addRequestWarnings } from "./request-warnings.ts";
import { RETRY_AFTER_SECONDS, type RouteParts } from "./route.ts";
import { addAdmin } from "./routes/admin.ts";
import { addConsole } from "./routes/console.ts";
import { addDocs } from "./routes/docs.ts";
import { addEvents } from "./routes/events.ts";
import { addGetData } from "./routes/get-data.ts";
import { addHistoryRange } from "./routes/history.ts";
import { addLogin, type LoginParts } from "./routes/login.ts";
import { addMjpeg } from "./routes/mjpeg.ts";
import { addPostData } from "./routes/post-data.ts";
import { addStatus } from "./routes/status.ts";
import { addTraces } from "./traces.ts";
import { addUploads, type Uploads } from "./uploads.ts";

/** Dependencies of the HTTP server. */
export interface HttpParts extends RouteParts, LoginParts {
  readonly admission: Admission;
  readonly errorLog: ErrorLog;
  readonly guard: BrowserGuard;
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  readonly sessionList: SessionList;
  readonly graphql: Executor;
  readonly graphqlStreams: SseStreams;
  readonly bodySettings: BodySettings;
  readonly serverLimits: ServerLimits;
  /** Certificate and key; undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  readonly tracing: Tracing | undefined;
  readonly version: string;
}

/** Maximum length of a path segment. A segment may contain many stream ids. */
const MAX_SEGMENT_LENGTH = 64 * 1024;

const retryAfterSeconds = ({ retryAfterMs }: GatewayError): number =>
  retryAfterMs === undefined ? RETRY_AFTER_SECONDS : Math.ceil(retryAfterMs / 1000);

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;

/** Creates the HTTP server, not yet listening, and returns the Node server below it, which emits upgrades. */
export async function createHttp(
  parts: HttpParts,
): Promise<{ readonly app: FastifyInstance; readonly server: Server; readonly uploads: Uploads }> {
  const { guard, admission, errorLog, limiting: limits } = parts;
  let server: Server | undefined;
  const app: FastifyInstance = fastify({
    bodyLimit: SMALL_BODY_BYTES,
    exposeHeadRoutes: false,
    rewriteUrl: ({ url = "/" }) => withoutPrefix(url, parts.pathPrefix),
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
      server = createGuardedServer(handler, parts.serverLimits, limits, parts.tls);
      return server;
    },
    // Errors before a route is found, and before a request is parsed.
    frameworkErrors: answerError,
    clientErrorHandler: (error, socket) =>
      answerBrokenRequest(error, socket, parts.serverLimits, limits, errorLog),
  });

  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const bodyLimit = request.routeOptions.bodyLimit ?? SMALL_BODY_BYTES;
    const sent = asAnswered(error as FastifyError | GatewayError, request.url, bodyLimit);
    if (request.visitor === undefined) {
      // No hook has run, because the URL matches no route.
      receive(request, reply);
      allowOrigin(request, reply);
    }
    errorLog.note(sent, {
      route: `${request.method} ${routePatternOf(request.url.split("?")[0] ?? "")}`,
      connection: request.visitor?.id,
      address: request.visitor?.address ?? request.raw.socket.remoteAddress,
      identity: request.visitor?.identity.name,
    });
    if (sent.code === "TOO_LARGE") limits.hit("message_bytes");
    // RFC 9110, section 15.5.22.
    // Node keeps a connection open whose response has a `Connection` header without `close`, whatever the client requested.
    if (sent.code === "UPGRADE_REQUIRED")
      reply.headers({ upgrade: "websocket", connection: "upgrade, close" });
    if (sent.kind.retryable) reply.header("retry-after", retryAfterSeconds(sent));
    if (sent.code === "UNAUTHENTICATED") {
      reply.header("www-authenticate", "Bearer");
      if (request.method === "GET" && acceptsPage(request.headers.accept)) {
        sendPage(reply.code(401), loginPage(parts.pathPrefix, request.url, ""));
        return;
      }
    }
    reply
      .code(sent.kind.status)
      .type("application/json; charset=utf-8")
      .send(JSON.stringify(errorBody(sent)));
  }

  // Before any route is added, including the preflight route: a route keeps the error handler of that moment.
  app.setErrorHandler(answerError);
  addBodyLimits(app, parts.bodySettings);
  app.removeAllContentTypeParsers();
  addBodies(app, parts.memory);
  addAnswersMemory(app, parts.memory);
  app.decorateRequest("visitor");
  function receive(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(ANSWER_HEADERS);
    request.visitor = admission.receive(request.raw);
    reply.header(CONNECTION_HEADER, request.visitor.id);
  }
  app.addHook("onRequest", (request, reply, done) => {
    receive(request, reply);
    admission.check(request.visitor, request.raw);
    const site = request.headers["sec-fetch-site"];
    if (site !== undefined && site !== "same-origin") reply.headers(SHARED_ANSWER_HEADERS);
    done();
  });
  const allowOrigin = addCors(app, {
    allows: (request, origin) => guard.allowsOrigin(origin, request.visitor.host),
    methods: METHODS,
    exposedHeaders: [
      CONNECTION_HEADER,
      "x-offsets",
      "x-last-entry-id",
      "x-gaps",
      WARNINGS_HEADER,
      "link",
      "retry-after",
    ],
  });

  // After CORS, so that a page can read the error.
  app.addHook("onRequest", ({ raw }, reply, done) => {
    checkHead(raw);
    if (parts.closing.isClosing()) {
      reply.header("connection", "close");
      throw new GatewayError("SHUTTING_DOWN", "the gateway is shutting down");
    }
    done();
  });

  if (parts.tracing !== undefined) addTraces(app, parts.tracing);
  // After CORS, so that a page can detect that it has to log in.
  app.addHook("onRequest", (request, _reply, done) => {
    const { visitor, raw, routeOptions } = request;
    const identifying = routeOptions.config.isPublic === true ? undefined : admission.identify(visitor, raw);
    if (identifying === undefined) done();
    else identifying.then(() => done(), done);
  });
  if (limits.hasRates) addRates(app, limits);
  addRequestWarnings(app, parts.warnings);
  // Before the body is read, so that a wrong path is reported even if the body is too large.
  app.addHook("onRequest", (request, reply, done) => {
    if (request.is404) throw notFound(app, request, reply);
    done();
  });
  const uploads = addUploads(app, parts.sessions);
  const { authenticator } = parts;
  if (!authenticator.isOpen)
    app.addHook("preHandler", ({ body, visitor }, _reply, done) => {
      // A body may take minutes to arrive. Its credentials may have expired or been revoked by then.
      if (Buffer.isBuffer(body) && !authenticator.isGood(visitor.identity)) throw noLongerGood();
      done();
    });

  app.setNotFoundHandler((request, reply) => {
    throw notFound(app, request, reply);
  });

  addGetData(app, parts);
  addPostData(app, parts);
  addHistoryRange(app, parts);
  addEvents(app, parts);
  addMjpeg(app, parts);
  for (const direction of ["push", "pull"]) {
    app.get(`/data/:stream_id/${direction}`, () => {
      throw new GatewayError(
        "UPGRADE_REQUIRED",
        `/data/{stream_id}/${direction} is a WebSocket: connect with ws:// or wss://. If the client does, a proxy removed the Upgrade header; configure it to pass on Upgrade and Connection`,
      );
    });
  }
  await addGraphql(app, parts.graphql, parts.graphqlStreams);
  addStatus(app, { ...parts, sendConsole: await addConsole(app, parts.pathPrefix) });
  addLogin(app, parts);
  addAdmin(app, parts);
  await addDocs(app, parts.version, parts.pathPrefix);
  await app.ready();
  if (server === undefined) throw new Error("Fastify did not create a server");
  const plain: Server = server;
  // Without a listener Node sends 417 without a body; `checkHead` rejects these requests with one.
  plain.on("checkExpectation", (request, response) => plain.emit("request", request, response));
  delayContinue(plain);
  return { app, server, uploads };
}

/** Returns the error for a path without a route, or without one for this method. */
function notFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): GatewayError {
  const allowed = METHODS.filter((method) => isRoute(app, method, request.url));
  // The route of this method found nothing itself, for example a missing file.
  if (allowed.length === 0 || allowed.some((one) => one === request.method))
    return new GatewayError("NOT_FOUND", nothingAt(request.url));
  reply.header("allow", allowed.join(", "));
  return new GatewayError(
    "METHOD_NOT_ALLOWED",
    `${request.method} is not allowed for this path; use ${allowed.join(", ")}`,
  );
}

/** Whether a path has a route for a method. */
function isRoute(app: FastifyInstance, method: (typeof METHODS)[number], url: string): boolean {
  return app.findRoute({ method, url: patternOf(url) }) !== null;
}

const patternOf = (url: string): string =>
  (url.split("?")[0] ?? "/").replace(/^\/data\/[^/]+/, "/data/:stream_id").replace(/(.)\/$/, "$1");

const nothingAt = (url: string): string => `there is nothing at ${url.split("?")[0]?.slice(0, 200)}`;

/** Error codes of Fastify's own errors, by status. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: "BAD_BODY",
  413: "TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
};

/** Converts Fastify's own errors to gateway errors. */
function asAnswered(error: FastifyError | GatewayError, url: string, bodyLimit: number): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error.code === "FST_ERR_BAD_URL") {
    const problem = "is not percent-encoded UTF-8";
    return url.startsWith("/data/")
      ? badParameter("stream_id", problem)
      : new GatewayError("BAD_REQUEST", `the path ${problem}`);
  }
  if (error.code === "FST_ERR_MAX_PARAM_LENGTH")
    return badParameter("stream_id", `must have at most ${MAX_SEGMENT_LENGTH} characters`);
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new GatewayError("TOO_LARGE", `the body is over the limit of ${bodyLimit} bytes`);
  const { statusCode: status = 500 } = error;
  // A path outside the served folder is reported as not found.
  if (status === 403 || status === 404) return new GatewayError("NOT_FOUND", nothingAt(url));
  const code = CODES[status] ?? (status >= 400 && status < 500 ? "BAD_REQUEST" : undefined);
  return code === undefined ? asGatewayError(error) : new GatewayError(code, error.message);
}
