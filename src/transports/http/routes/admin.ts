/** Admin routes: list connections and close one. */
import type { FastifyInstance } from "fastify";
import { authorizeGateway } from "../../../access/identity/authorize.ts";
import type { SessionList } from "../../../access/session-list.ts";
import { GatewayError } from "../../../domain/errors.ts";

/** Adds the routes. */
export function addAdmin(app: FastifyInstance, sessionList: SessionList): void {
  app.get("/admin/connections", async (request, reply) => {
    authorizeGateway(request.visitor.identity, "admin");
    return reply.header("cache-control", "no-store").send(await sessionList.list());
  });

  app.delete<{ Params: { id: string } }>("/admin/connections/:id", async (request, reply) => {
    authorizeGateway(request.visitor.identity, "admin");
    const { id } = request.params;
    if (!(await sessionList.end(id)))
      throw new GatewayError("NOT_FOUND", `no connection with id ${JSON.stringify(id.slice(0, 100))}`);
    return reply.code(204).send();
  });
}
