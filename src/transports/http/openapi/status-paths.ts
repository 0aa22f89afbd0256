/** Status and documentation routes in the OpenAPI document. */
import type { OpenAPIV3 } from "openapi-types";
import type { Operation, Paths } from "./paths.ts";
import { problem, text } from "./responses.ts";

const status = (summary: string, more: OpenAPIV3.ResponsesObject = {}): Operation => ({
  tags: ["status"],
  summary,
  responses: { "200": text(summary), ...more },
});

/** The routes of the status. */
export const STATUS_PATHS: Paths = {
  "/": { get: status("Name, version and links") },
  "/send": {
    get: status("Page that sends the camera, microphone, motion, position and files of a phone"),
  },
  "/healthz": { get: status("The process is running") },
  "/readyz": {
    get: status("Redis replies and accepts writes", { "503": problem("Redis does not reply.") }),
  },
  "/metrics": { get: status("Metrics for Prometheus") },
  "/openapi.json": { get: status("This document") },
  "/asyncapi.json": { get: status("AsyncAPI 3.0 document of the WebSockets") },
  "/docs": { get: status("Page that shows this document") },
};
