/**
 * OpenAPI 3.0 document of the HTTP and WebSocket routes. Parameters and body types are generated from the tables that
 * requests are parsed with. OpenAPI cannot describe WebSockets: those routes appear as the GET of the handshake, with the
 * messages in the description. The AsyncAPI document describes them (`../asyncapi`).
 */
import type { OpenAPIV3 } from "openapi-types";
import { ACCESS_PATHS } from "./access-paths.ts";
import { DATA_PATHS } from "./data-paths.ts";
import { DEMO_PATHS } from "./demo-paths.ts";
import { GRAPHQL_PATHS } from "./graphql-paths.ts";
import { METHODS, type Paths } from "./paths.ts";
import { RECORDING_PATHS } from "./recording-paths.ts";
import { HEAD_FAULTS } from "./responses.ts";
import { STATUS_PATHS } from "./status-paths.ts";
import { WEBSOCKET_PATHS } from "./websocket-paths.ts";
import { WORK_PATHS } from "./work-paths.ts";

/** Adds the responses that all operations have. */
function withHeadFaults(paths: Paths): OpenAPIV3.PathsObject {
  const complete: OpenAPIV3.PathsObject = {};
  for (const [path, operations] of Object.entries(paths)) {
    const item: OpenAPIV3.PathItemObject = {};
    for (const method of METHODS) {
      const operation = operations[method];
      if (operation !== undefined)
        item[method] = { ...operation, responses: { ...operation.responses, ...HEAD_FAULTS } };
    }
    complete[path] = item;
  }
  return complete;
}

/** Returns the document. */
export function openApiDocument(version: string): OpenAPIV3.Document {
  return {
    openapi: "3.0.3",
    info: {
      title: "Redis Streamer",
      version,
      description: "WebSocket, HTTP and GraphQL in front of Redis Streams.",
    },
    tags: [
      { name: "websocket" },
      { name: "http" },
      { name: "graphql" },
      { name: "access" },
      { name: "status" },
    ],
    components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
    security: [{}, { key: [] }],
    paths: withHeadFaults({
      ...WEBSOCKET_PATHS,
      ...DATA_PATHS,
      ...WORK_PATHS,
      ...RECORDING_PATHS,
      ...DEMO_PATHS,
      ...GRAPHQL_PATHS,
      ...ACCESS_PATHS,
      ...STATUS_PATHS,
    }),
  };
}
