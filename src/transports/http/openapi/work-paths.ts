/** Routes of consumer groups in the OpenAPI document. */
import { parametersOf } from "./parameters.ts";
import type { Operation, Paths } from "./paths.ts";
import { BODIES, FAULTS, problem, SOCKET, text } from "./responses.ts";
import { body, contentOf, INTEGER, listOf, object, pathParameter, STRING } from "./schemas.ts";

const GROUP = pathParameter("group", "Name of the consumer group.");

const IDS = listOf({});

const WORK: Operation = {
  tags: ["websocket"],
  summary: "Receive the entries of a consumer group over a WebSocket",
  description: [
    'Connect with `ws://`. The gateway sends `[[stream_id, entry_id, payload, fields or null, {"n": 1}], …]`, and the worker',
    '`{"ack": […]}`, `{"nack": […], "delay": 5000}`, `{"term": […], "reason": "…"}` or `{"progress": […]}`. An entry that a worker does',
    "not acknowledge in time is delivered to another one.",
  ].join("\n"),
  parameters: parametersOf("work", GROUP),
  responses: SOCKET,
};

const NEXT: Operation = {
  tags: ["http"],
  summary: "Receive the next entries of a consumer group",
  parameters: parametersOf("next", GROUP),
  responses: {
    "200": {
      description: "The entries, with their delivery counts.",
      headers: {
        "x-lost": { description: "Entries that were trimmed before they were done.", schema: STRING },
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
  summary: "Acknowledge, return or keep entries of a consumer group, or move them to the dead letters",
  parameters: parametersOf("settle", GROUP),
  requestBody: {
    content: contentOf(
      object({
        ...{ ack: IDS, nack: IDS, term: IDS, progress: IDS },
        delay: { ...INTEGER, minimum: 0 },
        reason: STRING,
      }),
    ),
  },
  responses: {
    "200": body(
      "How many entries were settled, and which ones no longer belong to the worker.",
      object({ ack: INTEGER, nack: INTEGER, term: INTEGER, progress: INTEGER, late: IDS }, ["late"]),
    ),
    ...FAULTS,
  },
};

const LIST: Operation = {
  tags: ["http"],
  summary: "List the consumer groups of a stream",
  parameters: parametersOf("groups"),
  responses: {
    "200": body(
      "The groups.",
      listOf(
        object({
          group: STRING,
          lag: { ...INTEGER, nullable: true },
          ...{ pending: INTEGER, consumers: INTEGER, last_delivered: STRING },
        }),
      ),
    ),
    ...FAULTS,
  },
};

const PENDING: Operation = {
  tags: ["http"],
  summary: "List the entries that a consumer group has not done",
  parameters: parametersOf("groups", GROUP),
  responses: {
    "200": body(
      "The entries, oldest first.",
      listOf(object({ id: STRING, consumer: STRING, idle_ms: INTEGER, n: INTEGER })),
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
