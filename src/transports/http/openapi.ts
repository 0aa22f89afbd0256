/**
 * The description of the HTTP and WebSocket routes, as OpenAPI 3.0. OpenAPI has no word for WebSockets, so those routes
 * stand as the GET that is upgraded, with the messages told in the description.
 */
import type { OpenAPIV3 } from "openapi-types";
import { TICKET_ROUTES } from "../../access/ticket-scope.ts";

type Parameter = OpenAPIV3.ParameterObject;
type Operation = OpenAPIV3.OperationObject;

const query = (name: string, schema: OpenAPIV3.SchemaObject, description: string): Parameter => ({
  name,
  in: "query",
  schema,
  description,
});

const flag = (name: string, fallback: boolean, description: string) =>
  query(
    name,
    { type: "boolean", default: fallback },
    `${description} 1/0, true/false, yes/no, on/off, t/f, y/n.`,
  );

const whole = (name: string, fallback: number, minimum: number, description: string) =>
  query(name, { type: "integer", default: fallback, minimum }, description);

const choice = (name: string, fallback: string, choices: readonly string[], description: string) =>
  query(name, { type: "string", default: fallback, enum: [...choices] }, description);

const STREAM: Parameter = {
  name: "stream_id",
  in: "path",
  required: true,
  schema: { type: "string" },
  description: "The stream; `a+b` names several. `%2F` is a slash and `%2B` a plus within a stream id.",
};
const DEVICE = query(
  "device_id",
  { type: "string", default: "default" },
  "Device of the streams. Present and empty, stream ids are whole keys of Redis.",
);
const PREFIX = query(
  "prefix",
  { type: "string", default: "" },
  "Stands before the stream id in the stream key, behind the device.",
);
const KEEP = flag("keep_device_id_in_stream_id", false, "Show stream ids with their device.");
const CURSOR = query(
  "last_entry_id",
  { type: "string", default: "$" },
  "Read what comes after this: an entry id, milliseconds, `0` or `-` (the beginning), `$` (now). One for all streams, or one each, joined by `+`.",
);
const LATEST = flag("latest", false, "Only the newest entries; older ones are skipped.");
const COUNT = whole("count", 1, 1, "Most entries of each stream in one answer or payload.");
const MAX_FPS = query(
  "max_fps",
  { type: "number", default: 0, minimum: 0 },
  "At most so many a second; 0 for no limit.",
);
const CONTROL = flag(
  "control",
  false,
  'A text message that begins with `{` is for the gateway: `{"token": "…"}` shows a fresh key or token.',
);
const CLEAN = "`msgpack` or `json`: the clean format, `[[stream_id, entry_id, payload], …]`.";
const FORMAT = query(
  "format",
  { type: "string", enum: ["raw", "msgpack", "json"] },
  `${CLEAN} \`raw\`: payload bytes alone. Without it \`Content-Type\` decides on POST, and \`Accept\` on GET where it prefers a clean format to \`*/*\` and \`application/octet-stream\`.`,
);
const WS_FORMAT = query("format", { type: "string", enum: ["msgpack", "json"] }, CLEAN);
const PULL_OFFSETS = choice(
  "offsets",
  "start",
  ["start", "end"],
  "Which side of an entry the header's offset names.",
);

const text = (description: string): OpenAPIV3.ResponseObject => ({ description });
const problem = (description: string): OpenAPIV3.ResponseObject => ({
  description,
  content: {
    "application/json": {
      schema: {
        type: "object",
        required: ["error", "code"],
        properties: { error: { type: "string" }, code: { type: "string" } },
      },
    },
  },
});

const FAULTS = {
  "400": problem("A parameter or the body is wrong; the sentence names it."),
  "401": problem("A key or token is needed, or it is not good."),
  "403": problem("The page, host, key or token is not allowed this."),
  "429": problem("Too much at once; `Retry-After` says when to try again."),
  "503": problem("Redis is away; `Retry-After` says when to try again."),
};

/** Responses to a request whose head is wrong, on any path (`checkHead`). */
const HEAD_FAULTS = {
  "417": problem("The `Expect` header is not `100-continue`."),
  "431": problem("The headers are too large, or too many."),
};

const ENTRIES: OpenAPIV3.ResponseObject = {
  description: "The entries, end to end or in the clean format.",
  headers: {
    "x-offsets": {
      description:
        "`[[stream_id, entry_id, offset], …]`, ASCII, with the body of `raw`. A response has fewer entries than `count` where this would grow too large (`MAX_RESPONSE_HEADER_BYTES`).",
      schema: { type: "string" },
    },
    "x-last-entry-id": {
      description: "The cursor for the next request, one per stream, joined by `+`.",
      schema: { type: "string" },
    },
    "x-gaps": {
      description:
        "Where entries may be gone before these: `[[stream_id, after, before], …]`; absent where none are.",
      schema: { type: "string" },
    },
  },
  content: {
    "application/octet-stream": { schema: { type: "string", format: "binary" } },
    "application/json": { schema: { type: "array", items: { type: "array", items: {} } } },
    "application/msgpack": { schema: { type: "string", format: "binary" } },
  },
};

const DEDUPE = [
  query(
    "dedupe",
    { type: "string" },
    "A key under which entries are numbered: one that is sent again is stored once.",
  ),
  whole("dedupe_from", 0, 0, "The number of the first entry that is sent."),
];

const STATUS = flag(
  "status",
  false,
  'Report when Redis stops answering, `{"status": {"redis": "unavailable", "since"}}`, and when it answers again: a message on a WebSocket (pull: in the clean format), an event `state` on `/events`.',
);

const PUSH: Operation = {
  tags: ["websocket"],
  summary: "Push entries over a WebSocket",
  description: [
    "Connect with `ws://`. With `header=1` each batch is a JSON text header and one binary payload. The header is",
    "`[end, …]`, `[[stream_id, end], …]`, `[[stream_id, entry_id, end], …]`, or `[]` for one entry. With `header=0` each message",
    "is one entry. With `ack=1` the server answers each batch with the JSON list of its entry ids; an entry that is refused has",
    '`{"error": …}` in its place. Without acks a refusal closes the connection.',
  ].join("\n"),
  parameters: [
    STREAM,
    DEVICE,
    PREFIX,
    flag("header", true, "Each batch is a header and a payload."),
    flag("ack", false, "Answer each batch with its entry ids."),
    STATUS,
    flag(
      "presence",
      false,
      "The device is connected while it has this socket (default true with DEVICE_PRESENCE=auto).",
    ),
    choice(
      "offsets",
      "auto",
      ["auto", "start", "end"],
      "What the header's offsets are; auto: ends, unless the first is 0.",
    ),
    WS_FORMAT,
    ...DEDUPE,
    CONTROL,
  ],
  responses: { "101": text("The connection is a WebSocket now."), "426": problem("This is a WebSocket.") },
};

const PULL: Operation = {
  tags: ["websocket"],
  summary: "Pull entries over a WebSocket",
  description: [
    "Connect with `ws://`. With `header=1` each payload is a JSON text header `[[stream_id, entry_id, offset], …]` and one binary",
    "message with the entries end to end; when `block` ms pass without an entry, the pair is empty. With `header=0` each entry is",
    "one binary message. A reader that is slow, or comes back with its cursor, goes on where it was.",
  ].join("\n"),
  parameters: [
    STREAM,
    DEVICE,
    PREFIX,
    KEEP,
    CURSOR,
    COUNT,
    whole("block", 5000, 0, "Quiet time in ms after which an empty payload is sent; 0 for never."),
    LATEST,
    MAX_FPS,
    flag("ack", false, "Wait for a message of the client before each further payload."),
    flag("header", true, "Each payload has a header."),
    PULL_OFFSETS,
    WS_FORMAT,
    CONTROL,
    STATUS,
    flag(
      "gaps",
      false,
      'In the clean format: say where entries are gone, `{"gap": {"stream_id", "after", "before"}}`, before those behind them.',
    ),
  ],
  responses: { "101": text("The connection is a WebSocket now."), "426": problem("This is a WebSocket.") },
};

const GET: Operation = {
  tags: ["http"],
  summary: "Read the next entries",
  parameters: [
    STREAM,
    DEVICE,
    PREFIX,
    KEEP,
    CURSOR,
    COUNT,
    whole("block", 500, 0, "How long to wait for an entry, in ms; 0 does not wait."),
    LATEST,
    PULL_OFFSETS,
    FORMAT,
  ],
  responses: { "200": ENTRIES, ...FAULTS },
};

const POST: Operation = {
  tags: ["http"],
  summary: "Store entries",
  description: [
    "`multipart/form-data`: each part named `entries` is one entry; with stream id `*` a part's filename is its stream.",
    "`application/msgpack` and `application/json`: the clean format. A JSON object or MessagePack map, `format=raw`, and any",
    "other content type: the body is one entry, as it came.",
  ].join("\n"),
  parameters: [STREAM, DEVICE, PREFIX, FORMAT, ...DEDUPE],
  requestBody: {
    content: {
      "multipart/form-data": {
        schema: {
          type: "object",
          properties: { entries: { type: "array", items: { type: "string", format: "binary" } } },
        },
      },
      "application/octet-stream": { schema: { type: "string", format: "binary" } },
      "application/json": { schema: { type: "array", items: { type: "array", items: {} } } },
      "application/msgpack": { schema: { type: "string", format: "binary" } },
    },
  },
  responses: {
    "200": {
      description: "The entry ids, in order.",
      content: { "application/json": { schema: { type: "array", items: { type: "string" } } } },
    },
    ...FAULTS,
    "409": problem("The entry id is not above the stream's last one."),
    "413": problem("The body or batch is too large."),
    "415": problem("The body is encoded in a way that is not taken."),
  },
};

const BOUND = "An entry id, milliseconds or an ISO 8601 time; `(` before it leaves it out itself.";

const HISTORY: Operation = {
  tags: ["http"],
  summary: "Page through history",
  parameters: [
    STREAM,
    DEVICE,
    PREFIX,
    query("start", { type: "string", default: "-" }, BOUND),
    query("end", { type: "string", default: "+" }, BOUND),
    whole("count", 100, 1, "Most entries of a page."),
    flag("reverse", false, "Newest first."),
    PULL_OFFSETS,
    FORMAT,
  ],
  responses: {
    "200": { ...ENTRIES, description: "A page; the `Link` header names the next one." },
    ...FAULTS,
  },
};

const EVENTS: Operation = {
  tags: ["http"],
  summary: "Follow streams as server-sent events",
  description: [
    "An event's id is the cursor behind it. `Last-Event-ID` resumes there, or the parameter `lastEventId`, which polyfills send; the header takes",
    "precedence over it, and both over `last_entry_id`. Of several streams, the event's name is the stream's; `stream:` precedes a name that begins",
    "with it, and the reserved names `open`, `error`, `gap`, `joined`, `left` and `state`.",
  ].join("\n"),
  parameters: [
    STREAM,
    DEVICE,
    PREFIX,
    KEEP,
    CURSOR,
    STATUS,
    query("lastEventId", { type: "string" }, "The id of the last event received, as `Last-Event-ID`."),
    LATEST,
    choice(
      "format",
      "text",
      ["text", "json", "base64"],
      "The data: as UTF-8, as one line `[stream_id, entry_id, payload]`, or base64.",
    ),
  ],
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
    "repeated every `HEARTBEAT_MS`. Parts have a `Content-Length` unless `Accept` names what browsers accept as an image.",
  ].join("\n"),
  parameters: [STREAM, DEVICE, PREFIX, MAX_FPS],
  responses: {
    "200": {
      description: "Pictures.",
      content: { "multipart/x-mixed-replace": { schema: { type: "string", format: "binary" } } },
    },
    ...FAULTS,
  },
};

const GRAPHQL_GET: Operation = {
  tags: ["graphql"],
  summary: "Ask with GraphQL",
  description: [
    "A browser gets the playground, where every field is described. `Accept: text/event-stream` gets the results as events,",
    "which is also how subscriptions come; or connect with `ws://` (`graphql-transport-ws`, `graphql-ws`).",
  ].join("\n"),
  parameters: [
    query("query", { type: "string" }, "The document. A GET takes no mutations."),
    query("variables", { type: "string" }, "The variables, a JSON object."),
    query("operationName", { type: "string" }, "Which operation of the document."),
  ],
  responses: {
    "200": {
      description: "The result, with `errors` where something was wrong.",
      content: { "application/json": { schema: { type: "object" } } },
    },
    "400": text("The request is no GraphQL request."),
    "405": text("A mutation by GET."),
  },
};

const GRAPHQL_POST: Operation = {
  tags: ["graphql"],
  summary: "Ask, or change something, with GraphQL",
  requestBody: {
    content: {
      "application/json": {
        schema: {
          type: "object",
          required: ["query"],
          properties: {
            query: { type: "string" },
            variables: { type: "object" },
            operationName: { type: "string" },
          },
        },
      },
    },
  },
  responses: {
    "200": {
      description: "The result, with `errors` where something was wrong.",
      content: { "application/json": { schema: { type: "object" } } },
    },
    "400": text("The request is no GraphQL request."),
    "413": problem("The request is too large."),
    "415": text("The body is not JSON."),
  },
};

const SMALL_BODY = { "413": problem("The body is over 16 KB.") };

const LOGIN: Operation = {
  tags: ["access"],
  summary: "Make a cookie of a key or token",
  security: [],
  requestBody: {
    content: {
      "application/json": {
        schema: { type: "object", required: ["token"], properties: { token: { type: "string" } } },
      },
    },
  },
  responses: { "200": text("The cookie is set."), "401": FAULTS["401"], ...SMALL_BODY },
};

const TICKETS: Operation = {
  tags: ["access"],
  summary: "Make a ticket for an address",
  description:
    "`?ticket=…` opens one connection or request, once, within `expires_in` seconds. With a route and a stream it opens those alone.",
  requestBody: {
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: {
            route: { type: "string", enum: [...TICKET_ROUTES] },
            stream: { type: "string" },
            streams: { type: "array", items: { type: "string" } },
            device: { type: "string" },
            prefix: { type: "string" },
          },
        },
      },
    },
  },
  responses: {
    "200": {
      description: "The ticket.",
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: { ticket: { type: "string" }, expires_in: { type: "number" } },
          },
        },
      },
    },
    "401": FAULTS["401"],
    "403": FAULTS["403"],
    ...SMALL_BODY,
  },
};

const CONNECTIONS: Operation = {
  tags: ["access"],
  summary: "List the connections that last",
  responses: { "200": text("The connections."), "401": FAULTS["401"], "403": FAULTS["403"] },
};

const CLOSE_CONNECTION: Operation = {
  tags: ["access"],
  summary: "Close a connection",
  parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
  responses: {
    "204": text("It is closed."),
    "401": FAULTS["401"],
    "403": FAULTS["403"],
    "404": problem("There is no such connection."),
  },
};

const status = (summary: string, more: OpenAPIV3.ResponsesObject = {}): Operation => ({
  tags: ["status"],
  summary,
  responses: { "200": text(summary), ...more },
});

/** Adds the responses that every operation has. */
function withHeadFaults(paths: Record<string, Partial<Record<"get" | "post" | "delete", Operation>>>) {
  const complete: OpenAPIV3.PathsObject = {};
  for (const [path, operations] of Object.entries(paths)) {
    const item: OpenAPIV3.PathItemObject = {};
    for (const method of ["get", "post", "delete"] as const) {
      const operation = operations[method];
      if (operation !== undefined)
        item[method] = { ...operation, responses: { ...operation.responses, ...HEAD_FAULTS } };
    }
    complete[path] = item;
  }
  return complete;
}

/** The document. */
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
      "/data/{stream_id}/push": { get: PUSH },
      "/data/{stream_id}/pull": { get: PULL },
      "/data/{stream_id}": { get: GET, post: POST },
      "/data/{stream_id}/entries": { get: HISTORY },
      "/data/{stream_id}/events": { get: EVENTS },
      "/data/{stream_id}/mjpeg": { get: MJPEG },
      "/graphql": { get: GRAPHQL_GET, post: GRAPHQL_POST },
      "/login": { post: LOGIN },
      "/logout": {
        post: { tags: ["access"], summary: "Forget the cookie", responses: { "204": text("Done.") } },
      },
      "/tickets": { post: TICKETS },
      "/admin/connections": { get: CONNECTIONS },
      "/admin/connections/{id}": { delete: CLOSE_CONNECTION },
      "/": { get: status("What this is") },
      "/healthz": { get: status("The process lives") },
      "/readyz": { get: status("Redis answers", { "503": problem("Redis does not answer.") }) },
      "/metrics": { get: status("Metrics for Prometheus") },
    }),
  };
}
