/** Errors for paths without a route, or without one for the method of the request. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { GatewayError } from "../../../domain/errors.ts";

/** Methods that a route can have. */
export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;

/** Returns the error for a path without a route, or without one for this method. */
export function notFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): GatewayError {
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
  (url.split("?")[0] ?? "/")
    .replace(/^\/data\/[^/]+/, "/data/:stream_id")
    .replace(/^(\/data\/:stream_id\/entries)\/[^/]+/, "$1/:entry_id")
    .replace(/(.)\/$/, "$1");

/** Returns the message for a path at which there is nothing. */
export const nothingAt = (url: string): string => `there is nothing at ${url.split("?")[0]?.slice(0, 200)}`;
