/**
 * API documentation: `/openapi.json` and `/asyncapi.json`, and Swagger UI at `/docs` with all of its files served by the
 * gateway.
 */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { FILES_POLICY, pageHeaders } from "../../response/security-headers.ts";
import { asyncApiDocument } from "../asyncapi/document.ts";
import { openApiDocument } from "../openapi/document.ts";
import { ALSO_HEAD } from "../route.ts";

/** Hash of the `<style>` in an SVG of Swagger UI. A test fails if a newer version contains another one. */
const SVG_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='";

const POLICY = { ...FILES_POLICY, "style-src": ["'self'", SVG_STYLE] };

const NO_ICON = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg"/>`);

/** Name of the gateway for the top bar, instead of Swagger's logo. Swagger UI shows it 40 pixels high. */
const LOGO = Buffer.from(
  `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="40"><text x="0" y="27" fill="#fff" font-family="sans-serif" font-size="22" font-weight="bold">Redis Streamer</text></svg>`,
);

/** Adds the documents and the page of the OpenAPI document. */
export async function addDocs(app: FastifyInstance, version: string, pathPrefix: string): Promise<void> {
  const document = {
    ...openApiDocument(version),
    servers: [{ url: pathPrefix || "/" }],
    externalDocs: { description: "AsyncAPI document of the WebSockets", url: `${pathPrefix}/asyncapi.json` },
  };
  const json = Buffer.from(JSON.stringify(document));
  await app.register(swagger, { mode: "static", specification: { document } });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    indexPrefix: pathPrefix,
    uiHooks: {
      onRequest(_request, reply, done) {
        reply.headers(pageHeaders(POLICY));
        done();
      },
    },
    uiConfig: { docExpansion: "list" },
    logo: { type: "image/svg+xml", content: LOGO },
    theme: {
      title: "Redis Streamer: API",
      // As on the other pages: none.
      favicon: [
        { filename: "favicon.svg", rel: "icon", sizes: "any", type: "image/svg+xml", content: NO_ICON },
      ],
    },
  });
  app.head("/docs", (_request, reply) =>
    reply.headers(pageHeaders(POLICY)).type("text/html; charset=utf-8").send(),
  );
  app.get("/openapi.json", ALSO_HEAD, (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(json),
  );
  app.get("/asyncapi.json", ALSO_HEAD, ({ visitor: { host = "localhost", isSecure } }, reply) =>
    reply
      .type("application/json; charset=utf-8")
      .send(JSON.stringify(asyncApiDocument(version, { host, isSecure, pathPrefix }))),
  );
}
