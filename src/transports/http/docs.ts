/** `/docs` and `/openapi.json`: the routes described, with every file served from here. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { openApiDocument } from "./openapi.ts";

/** The page may load nothing from elsewhere; it styles itself by attributes, and draws its icons by data URLs. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'";

/** Adds the description and its page. */
export async function addDocs(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, { mode: "static", specification: { document: openApiDocument(version) } });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: POLICY,
    uiConfig: { docExpansion: "list" },
  });
  app.get("/openapi.json", () => app.swagger());
}
