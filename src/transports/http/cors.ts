/**
 * What pages of other origins may do (Fetch standard, "CORS protocol"): those that the browser guard lets in may read
 * answers. Only requests that name an origin cost anything.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

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

/** Sets the headers of one answer by which a page may read it. */
export type AllowOrigin = (request: FastifyRequest, reply: FastifyReply) => void;

/** Adds it to all routes. @returns the same for answers that no hook sees, such as those to malformed addresses */
export function addCors(app: FastifyInstance, { allows, methods, exposedHeaders }: CorsOptions): AllowOrigin {
  const exposed = exposedHeaders.join(", ");
  const allowed = methods.join(", ");

  function allowOrigin(request: FastifyRequest, reply: FastifyReply): void {
    // Caches must keep the answers to different origins apart.
    reply.header("vary", "Origin");
    const { origin } = request.headers;
    if (origin !== undefined && allows(request, origin)) {
      reply.header("access-control-allow-origin", origin);
      reply.header("access-control-expose-headers", exposed);
    }
  }

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

  return allowOrigin;
}
