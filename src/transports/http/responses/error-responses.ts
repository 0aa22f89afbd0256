/** Responses with an error: converts errors of the framework, logs and counts them, and adds the headers of each code. */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { asGatewayError, badParameter, type ErrorCode, GatewayError } from "../../../domain/errors.ts";
import { acceptsPage } from "../../request/media-types.ts";
import { invalidTarget } from "../../request/request-target.ts";
import { errorBody } from "../../response/errors/append-results.ts";
import { errorContext, routePatternOf } from "../../response/errors/error-log.ts";
import { retryAfterSeconds } from "../../response/errors/retry-after.ts";
import { sendPage } from "../../response/security-headers.ts";
import { SMALL_BODY_BYTES } from "../bodies/body-limits.ts";
import { MAX_SEGMENT_LENGTH, type RouteParts } from "../route.ts";
import { nothingAt } from "./not-found.ts";
import { loginPage } from "./pages.ts";

/** Sends an error to a client. */
export type AnswerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** Creates the function that sends errors. @param receive prepares a request whose URL matches no route, for which no hook has run */
export function createErrorAnswers(
  { access: { limits }, observe: { errorLog }, config }: RouteParts,
  receive: (request: FastifyRequest, reply: FastifyReply) => void,
): AnswerError {
  return (error, request, reply) => {
    const bodyLimit = request.routeOptions.bodyLimit ?? SMALL_BODY_BYTES;
    const sent = asAnswered(error as FastifyError | GatewayError, request.url, bodyLimit);
    if (request.visitor === undefined) receive(request, reply);
    const route = `${request.method} ${routePatternOf(request.url.split("?")[0] ?? "")}`;
    const { visitor, raw } = request;
    errorLog.note(sent, {
      ...errorContext(route, visitor),
      address: visitor?.address ?? raw.socket.remoteAddress,
    });
    if (sent.code === "TOO_LARGE") limits.hit("message_bytes");
    // RFC 9110, section 15.5.22.
    // Node keeps a connection open whose response has a `Connection` header without `close`, whatever the client requested.
    if (sent.code === "UPGRADE_REQUIRED")
      reply.headers({ upgrade: "websocket", connection: "upgrade, close" });
    const retryAfter = retryAfterSeconds(sent);
    if (retryAfter !== undefined) reply.header("retry-after", retryAfter);
    if (sent.code === "UNAUTHENTICATED") {
      reply.header("www-authenticate", "Bearer");
      if (request.method === "GET" && acceptsPage(request.headers.accept)) {
        sendPage(reply.code(401), loginPage(config.pathPrefix, request.url, ""));
        return;
      }
    }
    reply
      .code(sent.kind.status)
      .type("application/json; charset=utf-8")
      .send(JSON.stringify(errorBody(sent)));
  };
}

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
    if (!url.startsWith("/")) return invalidTarget(url);
    const problem = "is not percent-encoded UTF-8";
    return url.startsWith("/data/") && !/^\/data\/[^/]*\/entries\/./.test(url)
      ? badParameter("stream_id", problem)
      : new GatewayError("BAD_REQUEST", `the path ${problem}`);
  }
  if (error.code === "FST_ERR_MAX_PARAM_LENGTH")
    return badParameter("stream_id", `must have at most ${MAX_SEGMENT_LENGTH} characters`);
  if (error.code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new GatewayError("TOO_LARGE", `the body is over the limit of ${bodyLimit} bytes`);
  const { statusCode: status = 500 } = error;
  // A path outside the served folder, or with a NUL, is reported as not found. Errors of bodies have a code.
  if (status === 403 || status === 404 || (status === 400 && error.code === undefined))
    return new GatewayError("NOT_FOUND", nothingAt(url));
  const code = CODES[status] ?? (status >= 400 && status < 500 ? "BAD_REQUEST" : undefined);
  return code === undefined ? asGatewayError(error) : new GatewayError(code, error.message);
}
