/** The HTTP side of the gateway: routes, who may call them from a browser, and how errors are told. */
import { createServer, type Server } from "node:http";
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from "fastify";
import type { BrowserGuard } from "../../access/browser-guard.ts";
import { asGatewayError, badParameter, type ErrorCode, GatewayError } from "../../domain/errors.ts";
import type { Metrics } from "../../observe/metrics.ts";
import { errorBody } from "../append-results.ts";
import type { Executor } from "../graphql/executor.ts";
import { addGraphql } from "../graphql/http.ts";
import { endWithError } from "../raw-answer.ts";
import { RETRY_AFTER_SECONDS, type RouteParts } from "./context.ts";
import { addCors } from "./cors.ts";
import { addDocs } from "./docs.ts";
import { addEvents } from "./events.ts";
import { addGetData } from "./get-data.ts";
import { addHistoryRange } from "./history-range.ts";
import { addMjpeg } from "./mjpeg.ts";
import { addPostData } from "./post-data.ts";
import { addStatus } from "./status.ts";

/** What the HTTP side is made of. */
export interface HttpParts extends RouteParts {
  readonly guard: BrowserGuard;
  readonly metrics: Metrics;
  readonly graphql: Executor;
  readonly maxMessageBytes: number;
  readonly version: string;
}

/** Stream ids are path segments, and a segment may name many. */
const MOST_SEGMENT_CHARACTERS = 64 * 1024;
const MOST_HEADER_BYTES = 64 * 1024;
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;

/** Makes the HTTP server, not yet listening, and the plain one below it, whose upgrades are not its own. */
export async function createHttp(
  parts: HttpParts,
): Promise<{ readonly app: FastifyInstance; readonly server: Server }> {
  const { guard, tally, logger, maxMessageBytes } = parts;
  let server: Server | undefined;
  const app: FastifyInstance = fastify({
    bodyLimit: maxMessageBytes,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: MOST_SEGMENT_CHARACTERS,
      // Each route reads its own parameters: what a plus means depends on where it stands.
      querystringParser: () => ({}),
    },
    serverFactory(handler) {
      server = createServer({ maxHeaderSize: MOST_HEADER_BYTES, noDelay: true }, handler);
      return server;
    },
    // What goes wrong before there is a route, and before there is a request.
    frameworkErrors: answerError,
    clientErrorHandler(error, socket) {
      if (error.code === "ECONNRESET" || !socket.writable) return;
      tally.clientErrors++;
      endWithError(socket, noRequest(error));
    },
  });

  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const told = toldOf(error as FastifyError | GatewayError, request.url, maxMessageBytes);
    if (told.code === "INTERNAL") {
      tally.internalErrors++;
      logger.error({ err: error, method: request.method, url: request.url }, "a request failed");
    } else if (told.kind.status < 500) tally.clientErrors++;
    if (told.kind.status === 503) reply.header("retry-after", RETRY_AFTER_SECONDS);
    reply
      .code(told.kind.status)
      .type("application/json; charset=utf-8")
      .send(JSON.stringify(errorBody(told)));
  }

  // Before anything has routes of its own, as the answer to a preflight is: they keep the handler of that moment.
  app.setErrorHandler(answerError);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", (request, _reply, done) => {
    guard.check({ origin: request.headers.origin, host: request.headers.host });
    done();
  });
  addCors(app, {
    allows: (request, origin) => guard.allowsOrigin(origin, request.headers.host),
    methods: METHODS,
    exposedHeaders: ["x-offsets", "x-last-entry-id", "link", "retry-after"],
  });

  app.setNotFoundHandler((request, reply) => {
    const allowed = METHODS.filter((method) => isRoute(app, method, request.url));
    if (allowed.length === 0)
      throw new GatewayError("NOT_FOUND", `there is nothing at ${request.url.split("?")[0]?.slice(0, 200)}`);
    reply.header("allow", allowed.join(", "));
    throw new GatewayError(
      "METHOD_NOT_ALLOWED",
      `${request.method} is not for this path; ${allowed.join(", ")} is`,
    );
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
        `/data/{stream_id}/${direction} is a WebSocket: connect with ws://`,
      );
    });
  }
  await addGraphql(app, parts.graphql);
  addStatus(app, parts);
  await addDocs(app, parts.version);
  await app.ready();
  if (server === undefined) throw new Error("the framework made no server");
  return { app, server };
}

/** Whether a path is a route of another method. */
function isRoute(app: FastifyInstance, method: (typeof METHODS)[number], url: string): boolean {
  return app.findRoute({ method, url: patternOf(url) }) !== null;
}

const patternOf = (url: string): string =>
  (url.split("?")[0] ?? "/").replace(/^\/data\/[^/]+/, "/data/:stream_id").replace(/(.)\/$/, "$1");

/** The framework's own errors, as ours. */
function toldOf(error: FastifyError | GatewayError, url: string, maxMessageBytes: number): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error.code === "FST_ERR_BAD_URL") {
    const problem = "is not percent-encoded UTF-8";
    return url.startsWith("/data/")
      ? badParameter("stream_id", problem)
      : new GatewayError("BAD_REQUEST", `the path ${problem}`);
  }
  if (error.code === "FST_ERR_MAX_PARAM_LENGTH")
    return badParameter("stream_id", `is longer than ${MOST_SEGMENT_CHARACTERS} characters`);
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new GatewayError("TOO_LARGE", `the body is over the limit of ${maxMessageBytes} bytes`);
  const codes: Readonly<Record<number, ErrorCode>> = {
    400: "BAD_BODY",
    413: "TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
  };
  const code = codes[error.statusCode ?? 500];
  return code === undefined ? asGatewayError(error) : new GatewayError(code, error.message);
}

/** The error for bytes that Node's parser could make no request of. */
function noRequest({ code, message }: NodeJS.ErrnoException): GatewayError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new GatewayError(
        "HEADERS_TOO_LARGE",
        `the headers are over the limit of ${MOST_HEADER_BYTES} bytes`,
      );
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new GatewayError("REQUEST_TIMEOUT", "the request did not come to its end in time");
    default:
      return new GatewayError("BAD_REQUEST", `this is no HTTP/1.1 request: ${message}`);
  }
}
