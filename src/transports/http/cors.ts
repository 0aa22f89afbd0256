/**
 * What pages of other origins may do (Fetch standard, "CORS protocol"): those that the browser guard lets in may read
 * answers. Only requests that name an origin cost anything.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";

/** Who may, and what. */
export interface CorsOptions {
  /** Whether the page that sent a request may read the answer. */
  allows(request: FastifyRequest, origin: string): boolean;
  readonly methods: readonly string[];
  /** Headers of answers that a page may read beside the usual ones. */
  readonly exposedHeaders: readonly string[];
}

/** How long (s) a browser remembers the answer to a preflight. */
const PREFLIGHT_SECONDS = 600;

/** Adds it to all routes. */
export function addCors(app: FastifyInstance, { allows, methods, exposedHeaders }: CorsOptions): void {
  const exposed = exposedHeaders.join(", ");
  const allowed = methods.join(", ");

  app.addHook("onRequest", (request, reply, done) => {
    // Caches are to tell answers apart by who asked.
    reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin !== undefined && allows(request, origin)) {
      reply.header("access-control-allow-origin", origin);
      reply.header("access-control-expose-headers", exposed);
    }
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
