/**
 * CORS (Fetch standard, "CORS protocol"): pages of the origins that the browser guard admits may read responses. Requests
 * without an `Origin` header skip the check.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** Permissions of pages of other origins. */
export interface CorsOptions {
  /** Whether the page that sent a request may read the response. */
  allows(request: FastifyRequest, origin: string): boolean;
  readonly methods: readonly string[];
  /** Response headers that a page may read, in addition to the safelisted ones. */
  readonly exposedHeaders: readonly string[];
}

/** Time (s) for which a browser caches the response to a preflight. */
const PREFLIGHT_SECONDS = 600;

/** Sets the CORS headers of one response. */
export type AllowOrigin = (request: FastifyRequest, reply: FastifyReply) => void;

/** Returns the function that sets the headers, also for responses without hooks, such as those to malformed URLs. */
export function createAllowOrigin({ allows, exposedHeaders }: CorsOptions): AllowOrigin {
  const exposed = exposedHeaders.join(", ");
  return (request, reply) => {
    // Caches must not share responses between origins.
    reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin !== undefined && allows(request, origin)) {
      reply.header("access-control-allow-origin", origin);
      reply.header("access-control-expose-headers", exposed);
    }
  };
}

/** Adds CORS to all routes. */
export function addCors(app: FastifyInstance, options: CorsOptions): void {
  const { allows, methods } = options;
  const allowOrigin = createAllowOrigin(options);
  const allowed = methods.join(", ");

  app.addHook("onRequest", (request, reply, done) => {
    allowOrigin(request, reply);
    done();
  });

  app.options("/*", (request, reply) => {
    const { origin } = request.headers;
    const wanted = request.headers["access-control-request-method"];
    if (origin === undefined || wanted === undefined) return reply.callNotFound();
    const headers = request.headers["access-control-request-headers"];
    reply.header("vary", "Origin, Access-Control-Request-Headers");
    if (allows(request, origin)) {
      reply.header("access-control-allow-methods", allowed);
      if (headers !== undefined) reply.header("access-control-allow-headers", headers);
      reply.header("access-control-max-age", PREFLIGHT_SECONDS);
    }
    return reply.code(204).send();
  });
}
