/** Requests a second: over the limit they are answered with 429 and when to come again, before their body is read. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Limits } from "../../access/limits/limits.ts";
import { GatewayError } from "../../domain/errors.ts";

/** Adds the limit to every route that asks who comes. */
export function addRates(app: FastifyInstance, limits: Limits): void {
  app.addHook("onRequest", (request, _reply, done) => {
    if (request.routeOptions.config.isPublic !== true) take(limits, request, 1, declaredBytes(request) ?? 0);
    done();
  });
  // A body without a length is counted when it is here.
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
    throw new GatewayError("TOO_MANY_REQUESTS", `too much at once; there is room again in ${waitMs} ms`, {
      retryAfterMs: waitMs,
    });
  account.take(messages, bytes);
}

function declaredBytes({ headers }: FastifyRequest): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}
