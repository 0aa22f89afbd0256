/** What an operator sees and does: who is connected, and ending a connection. */
import type { FastifyInstance } from "fastify";
import { authorize, EVERYTHING } from "../../access/authorize.ts";
import type { Session, Sessions } from "../../access/sessions.ts";
import { GatewayError } from "../../domain/errors.ts";

/** Streams that are shown of one connection. */
const MOST_STREAMS = 100;

/** Adds the routes. */
export function addAdmin(app: FastifyInstance, { sessions }: { readonly sessions: Sessions }): void {
  app.get("/admin/connections", (request, reply) => {
    authorize(request.visitor.identity, "admin", [EVERYTHING]);
    return reply.header("cache-control", "no-store").send([...sessions.list()].map(shown));
  });

  app.delete<{ Params: { id: string } }>("/admin/connections/:id", (request, reply) => {
    authorize(request.visitor.identity, "admin", [EVERYTHING]);
    const { id } = request.params;
    const wasThere = sessions.end(
      id,
      new GatewayError("CLOSED_BY_OPERATOR", "an operator closed this connection"),
    );
    if (!wasThere) throw new GatewayError("NOT_FOUND", `there is no connection ${id.slice(0, 100)}`);
    return reply.code(204).send();
  });
}

function shown({ visitor, kind, sinceMs, uses }: Session) {
  const { id, address, identity } = visitor;
  const streams = [...new Set(uses.flatMap(({ keys }) => keys))];
  return {
    id,
    kind,
    identity: identity.name,
    address,
    since: new Date(sinceMs).toISOString(),
    expires: identity.expiresAtMs === undefined ? null : new Date(identity.expiresAtMs).toISOString(),
    streams: streams.slice(0, MOST_STREAMS),
    streamCount: streams.length,
  };
}
