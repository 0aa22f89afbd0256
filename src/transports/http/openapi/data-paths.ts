/** HTTP routes that read and store entries, in the OpenAPI document. */
import { parametersOf } from "./parameters.ts";
import type { Operation, Paths } from "./paths.ts";
import { BODIES, ENTRIES, FAULTS, problem } from "./responses.ts";

const GET: Operation = {
  tags: ["http"],
  summary: "Read the next entries",
  parameters: parametersOf("get"),
  responses: { "200": ENTRIES, ...FAULTS },
};

const POST: Operation = {
  tags: ["http"],
  summary: "Store entries",
  description: [
    "`multipart/form-data`: each part named `entries` is one entry; with stream id `*` a part's filename is its stream.",
    "`application/msgpack` and `application/json`: the clean format. With a JSON object, a MessagePack map, `format=raw` or any",
    "other content type, the body is one entry.",
  ].join("\n"),
  parameters: parametersOf("post"),
  requestBody: {
    content: {
      "multipart/form-data": {
        schema: {
          type: "object",
          properties: { entries: { type: "array", items: { type: "string", format: "binary" } } },
        },
      },
      ...BODIES,
    },
  },
  responses: {
    "200": {
      description: "The entry ids, in order.",
      content: { "application/json": { schema: { type: "array", items: { type: "string" } } } },
    },
    ...FAULTS,
    "409": problem("The entry id is not greater than the last id of the stream."),
    "413": problem("The body or batch is too large."),
    "415": problem("The body has a `Content-Encoding`."),
  },
};

const HISTORY: Operation = {
  tags: ["http"],
  summary: "Page through history",
  parameters: parametersOf("entries"),
  responses: {
    "200": { ...ENTRIES, description: "A page; the `Link` header contains the URL of the next one." },
    ...FAULTS,
  },
};

const EVENTS: Operation = {
  tags: ["http"],
  summary: "Follow streams as server-sent events",
  description: [
    "An event id is the cursor after the event. `Last-Event-ID` resumes there, or the parameter `lastEventId`, which polyfills send; the header takes",
    "precedence over it, and both over `last_entry_id`. With several streams, the event name is the stream name; `stream:` precedes a name that begins",
    "with `stream:`, and the reserved names `open`, `error`, `gap`, `joined`, `left` and `state`.",
  ].join("\n"),
  parameters: parametersOf("events"),
  responses: {
    "200": { description: "Events.", content: { "text/event-stream": { schema: { type: "string" } } } },
    ...FAULTS,
  },
};

const MJPEG: Operation = {
  tags: ["http"],
  summary: "Show a stream of pictures",
  description: [
    'For `<img src="…/mjpeg">`: the newest picture each time the browser is ready for one. Entries that are not images are skipped; the last picture is',
    "repeated every `HEARTBEAT_MS`. Parts have a `Content-Length` unless `Accept` is that of a browser that loads an image.",
  ].join("\n"),
  parameters: parametersOf("mjpeg"),
  responses: {
    "200": {
      description: "Pictures.",
      content: { "multipart/x-mixed-replace": { schema: { type: "string", format: "binary" } } },
    },
    ...FAULTS,
  },
};

/** The routes of entries. */
export const DATA_PATHS: Paths = {
  "/data/{stream_id}": { get: GET, post: POST },
  "/data/{stream_id}/entries": { get: HISTORY },
  "/data/{stream_id}/events": { get: EVENTS },
  "/data/{stream_id}/mjpeg": { get: MJPEG },
};
