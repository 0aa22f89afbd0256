/** Routes of consumer groups in the OpenAPI document. */
import type { OpenAPIV3 } from "openapi-types";
import { parametersOf } from "./parameters.ts";
import type { Operation, Paths } from "./paths.ts";
import { BODIES, FAULTS, problem, text } from "./responses.ts";

const GROUP: OpenAPIV3.ParameterObject = {
  name: "group",
  in: "path",
  required: true,
  schema: { type: "string" },
  description: "Name of the consumer group.",
};

const json = (description: string, schema: OpenAPIV3.SchemaObject): OpenAPIV3.ResponseObject => ({
  description,
  content: { "application/json": { schema } },
});

const list = (properties: Record<string, OpenAPIV3.SchemaObject>): OpenAPIV3.SchemaObject => ({
  type: "array",
  items: { type: "object", properties },
});

const IDS: OpenAPIV3.SchemaObject = { type: "array", items: {} };

const WORK: Operation = {
  tags: ["websocket"],
  summary: "Receive the entries of a consumer group over a WebSocket",
  description: [
    'Connect with `ws://`. The gateway sends `[[stream_id, entry_id, payload, fields or null, {"n": 1}], …]`, and the worker',
    '`{"ack": […]}`, `{"nack": […], "delay": 5000}`, `{"term": […], "reason": "…"}` or `{"progress": […]}`. An entry that a worker does',
    "not acknowledge in time is delivered to another one.",
  ].join("\n"),
  parameters: parametersOf("work", GROUP),
  responses: {
    "101": text("The connection is a WebSocket."),
    "426": problem("The route requires a WebSocket handshake."),
  },
};

const NEXT: Operation = {
  tags: ["http"],
  summary: "Receive the next entries of a consumer group",
  parameters: parametersOf("next", GROUP),
  responses: {
    "200": {
      description: "The entries, with their delivery counts.",
      headers: {
        "x-lost": {
          description: "Entries that were trimmed before they were done.",
          schema: { type: "string" },
        },
      },
      content: {
        "application/json": BODIES["application/json"] ?? {},
        "application/msgpack": BODIES["application/msgpack"] ?? {},
      },
    },
    "204": text("No entry arrived in time."),
    ...FAULTS,
  },
};

const SETTLE: Operation = {
  tags: ["http"],
  summary: "Acknowledge, refuse, give up or keep entries of a consumer group",
  parameters: parametersOf("settle", GROUP),
  requestBody: {
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: {
            ...{ ack: IDS, nack: IDS, term: IDS, progress: IDS },
            delay: { type: "integer", minimum: 0 },
            reason: { type: "string" },
          },
        },
      },
    },
  },
  responses: {
    "200": json("How many entries were settled, and which ones no longer belong to the worker.", {
      type: "object",
      required: ["late"],
      properties: {
        ack: { type: "integer" },
        nack: { type: "integer" },
        term: { type: "integer" },
        progress: { type: "integer" },
        late: IDS,
      },
    }),
    ...FAULTS,
  },
};

const LIST: Operation = {
  tags: ["http"],
  summary: "List the consumer groups of a stream",
  parameters: parametersOf("groups"),
  responses: {
    "200": json(
      "The groups.",
      list({
        group: { type: "string" },
        lag: { type: "integer", nullable: true },
        pending: { type: "integer" },
        consumers: { type: "integer" },
        last_delivered: { type: "string" },
      }),
    ),
    ...FAULTS,
  },
};

const PENDING: Operation = {
  tags: ["http"],
  summary: "List the entries that a consumer group has not done",
  parameters: parametersOf("groups", GROUP),
  responses: {
    "200": json(
      "The entries, oldest first.",
      list({
        id: { type: "string" },
        consumer: { type: "string" },
        idle_ms: { type: "integer" },
        n: { type: "integer" },
      }),
    ),
    ...FAULTS,
    "404": problem("The stream has no such group."),
  },
};

const DESTROY: Operation = {
  tags: ["http"],
  summary: "Remove a consumer group",
  parameters: parametersOf("groups", GROUP),
  responses: {
    "204": text("The group is removed."),
    ...FAULTS,
    "404": problem("The stream has no such group."),
  },
};

/** The routes of consumer groups. */
export const WORK_PATHS: Paths = {
  "/data/{stream_id}/work": { get: LIST },
  "/data/{stream_id}/work/{group}": { get: WORK, post: SETTLE, delete: DESTROY },
  "/data/{stream_id}/work/{group}/next": { post: NEXT },
  "/data/{stream_id}/work/{group}/pending": { get: PENDING },
};
