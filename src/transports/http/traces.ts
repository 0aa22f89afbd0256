/** Trace spans of HTTP requests. They contain the route, not the URL, which may contain names and secrets. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { EndSpan, Tracing } from "../../observe/tracing.ts";

/** Adds the spans. */
export function addTraces(app: FastifyInstance, tracing: Tracing): void {
  const open = new WeakMap<FastifyRequest, EndSpan>();
  app.addHook("onRequest", (request, _reply, done) => {
    const route = request.routeOptions.url ?? "none";
    const attributes = {
      "http.request.method": request.method,
      "http.route": route,
      "client.address": request.visitor.address,
      "redis_streamer.connection": request.visitor.id,
    };
    open.set(request, tracing.start(`${request.method} ${route}`, attributes, request.headers));
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const identity = request.visitor.identity.name;
    open.get(request)?.(
      { "http.response.status_code": reply.statusCode, "enduser.id": identity },
      reply.statusCode >= 500,
    );
    done();
  });
}
