/** Rate limit of HTTP requests: over the limit, responds with 429 and `Retry-After` before the body is read. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Limits } from "../../access/limits/limits.ts";
import { GatewayError } from "../../domain/errors.ts";

/** Adds the rate limit to every route that requires authentication. */
export function addRates(app: FastifyInstance, limits: Limits): void {
  app.addHook("onRequest", (request, _reply, done) => {
    if (request.routeOptions.config.isPublic !== true) take(limits, request, 1, declaredBytes(request) ?? 0);
    done();
  });
  // A body without a length is counted after it was received.
  app.addHook("preHandler", (request, _reply, done) => {
    const { body } = request;
    if (Buffer.isBuffer(body) && declaredBytes(request) === undefined)
      limits.accountOf(request.visitor).take(0, body.length);
    done();
  });
}

function take(limits: Limits, { visitor }: FastifyRequest, messages: number, bytes: number): void {
  const account = limits.accountOf(visitor);
  const waitMs = account.take(0, 0);
  if (waitMs > 0)
    throw new GatewayError("TOO_MANY_REQUESTS", `rate limit exceeded; retry in ${waitMs} ms`, {
      retryAfterMs: waitMs,
    });
  account.take(messages, bytes);
}

function declaredBytes({ headers }: FastifyRequest): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}
