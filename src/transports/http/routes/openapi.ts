/**
 * OpenAPI 3.0 document of the HTTP and WebSocket routes. Parameters and body types are generated from the tables that
 * requests are parsed with. OpenAPI cannot describe WebSockets: those routes appear as the GET of the handshake, with the
 * messages in the description.
 */
import type { OpenAPIV3 } from "openapi-types";
import { TICKET_ROUTES } from "../../../access/identity/ticket-scope.ts";
import { CLEAN_FORMAT_NAMES, cleanFormat, RAW_TYPE } from "../../../wire/formats.ts";
import {
  type ParameterRoute,
  type Parameter as ParameterRow,
  type ParameterType,
  rowsOf,
} from "../../request/parameters.ts";

type Parameter = OpenAPIV3.ParameterObject;
type Operation = OpenAPIV3.OperationObject;

const STREAM: Parameter = {
  name: "stream_id",
  in: "path",
  required: true,
  schema: { type: "string" },
  description:
    "Stream id; `a+b` selects several streams. `%2F` is a slash and `%2B` a plus within a stream id.",
};

/** Returns the parameters of a data route, from the table that its requests are parsed with. */
const parametersOf = (route: ParameterRoute): Parameter[] => [
  STREAM,
  ...Object.entries(rowsOf(route)).map(
    ([name, row]): Parameter => ({
      name,
      in: "query",
      schema: schemaOf(row),
      description: descriptionOf(row),
    }),
  ),
];

const TYPES = {
  text: "string",
  name: "string",
  choice: "string",
  flag: "boolean",
  integer: "integer",
  number: "number",
} as const satisfies Record<ParameterType, OpenAPIV3.NonArraySchemaObjectType>;

const schemaOf = ({
  type,
  fallback,
  least,
  most,
  choices,
}: ParameterRow<unknown>): OpenAPIV3.SchemaObject => ({
  type: TYPES[type],
  ...(fallback !== undefined && { default: fallback }),
  ...(least !== undefined && { minimum: least }),
  ...(typeof most === "number" && { maximum: most }),
  ...(choices !== undefined && { enum: [...choices] }),
});

function descriptionOf({ doc, type, most, fallbackNote }: ParameterRow<unknown>): string {
  const sentences = [doc];
  if (type === "flag") sentences.push("1/0, true/false, yes/no, on/off, t/f, y/n.");
  if (typeof most === "string") sentences.push(`At most the setting ${most}.`);
  if (fallbackNote !== undefined) sentences.push(`Default: ${fallbackNote}.`);
  return sentences.join(" ");
}

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
  "400": problem("A parameter or the body is not valid; `error` names it."),
  "401": problem("A key or token is required, or the one sent is not valid."),
  "403": problem("Not permitted for this page, host, key or token."),
  "429": problem("A rate limit is exceeded; `Retry-After` is the time to wait."),
  "503": problem(
    "Redis is unavailable, or the gateway has no memory for the request; `Retry-After` is the time to wait.",
  ),
};

/** Responses to an invalid request head, on any path (`checkHead`). */
const HEAD_FAULTS = {
  "417": problem("The `Expect` header is not `100-continue`."),
  "431": problem("The headers are too large or too many."),
};

/** Bodies with entries, by media type. */
const BODIES: Record<string, OpenAPIV3.MediaTypeObject> = {
  [RAW_TYPE]: { schema: { type: "string", format: "binary" } },
  ...Object.fromEntries(
    CLEAN_FORMAT_NAMES.map(cleanFormat).map(({ mediaType, isBinary }) => [
      mediaType,
      {
        schema: isBinary
          ? { type: "string", format: "binary" }
          : { type: "array", items: { type: "array", items: {} } },
      },
    ]),
  ),
};

const ENTRIES: OpenAPIV3.ResponseObject = {
  description: "The entries, end to end or in the clean format.",
  headers: {
    "x-offsets": {
      description:
        "`[[stream_id, entry_id, offset], …]`, ASCII, with the body of `raw`. A response has fewer entries than `count` if this header would grow too large (`MAX_RESPONSE_HEADER_BYTES`).",
      schema: { type: "string" },
    },
    "x-last-entry-id": {
      description: "The cursor for the next request, one per stream, joined by `+`.",
      schema: { type: "string" },
    },
    "x-gaps": {
      description:
        "Gaps, where entries may be missing before these: `[[stream_id, after, before], …]`; absent without gaps.",
      schema: { type: "string" },
    },
  },
  content: BODIES,
};

const PUSH: Operation = {
  tags: ["websocket"],
  summary: "Push entries over a WebSocket",
  description: [
    "Connect with `ws://`. With `header=1` each batch is a JSON text header and one binary payload. The header is",
    "`[end, …]`, `[[stream_id, end], …]`, `[[stream_id, entry_id, end], …]`, or `[]` for one entry. With `header=0` each message",
    "is one entry. With `ack=1` the server answers each batch with the JSON list of its entry ids; an entry that is rejected has",
    '`{"error": …}` in its place. Without acks a rejection closes the connection.',
  ].join("\n"),
  parameters: parametersOf("push"),
  responses: {
    "101": text("The connection is a WebSocket."),
    "426": problem("The route requires a WebSocket handshake."),
  },
};

const PULL: Operation = {
  tags: ["websocket"],
  summary: "Pull entries over a WebSocket",
  description: [
    "Connect with `ws://`. With `header=1` each payload is a JSON text header `[[stream_id, entry_id, offset], …]` and one binary",
    "message with the entries end to end; when `block` ms pass without an entry, the pair is empty. With `header=0` each entry is",
    "one binary message. A slow client, or one that reconnects with its cursor, misses no entry.",
  ].join("\n"),
  parameters: parametersOf("pull"),
  responses: {
    "101": text("The connection is a WebSocket."),
    "426": problem("The route requires a WebSocket handshake."),
  },
};

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

const graphqlText = (name: string, description: string): Parameter => ({
  name,
  in: "query",
  schema: { type: "string" },
  description,
});

const GRAPHQL_GET: Operation = {
  tags: ["graphql"],
  summary: "Run a GraphQL query",
  description: [
    "A browser receives the playground, which documents every field. With `Accept: text/event-stream`, and for subscriptions, the",
    "results are server-sent events. Or connect with `ws://` (`graphql-transport-ws`, `graphql-ws`).",
  ].join("\n"),
  parameters: [
    graphqlText("query", "The document. Mutations require POST."),
    graphqlText("variables", "The variables, as a JSON object."),
    graphqlText("operationName", "Name of the operation in the document."),
  ],
  responses: {
    "200": {
      description: "The result, with `errors` where a field failed.",
      content: { "application/json": { schema: { type: "object" } } },
    },
    "400": text("Not a valid GraphQL request."),
    "405": text("A mutation by GET."),
  },
};

const GRAPHQL_POST: Operation = {
  tags: ["graphql"],
  summary: "Run a GraphQL operation",
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
      description: "The result, with `errors` where a field failed.",
      content: { "application/json": { schema: { type: "object" } } },
    },
    "400": text("Not a valid GraphQL request."),
    "413": problem("The request is too large."),
    "415": text("The body is not JSON."),
  },
};

const SMALL_BODY = { "413": problem("The body is over 16 KB.") };

const GRAPHQL_RESERVE: Operation = {
  tags: ["graphql"],
  summary: "Reserve an event stream for several operations",
  responses: { "201": text("The token of the stream, for the header `x-graphql-event-stream-token`.") },
};

const GRAPHQL_STOP: Operation = {
  tags: ["graphql"],
  summary: "Stop an operation on a reserved event stream",
  parameters: [graphqlText("operationId", "Id of the operation.")],
  responses: { "200": text("The operation is stopped.") },
};

const page = (summary: string): Operation => ({
  tags: ["access"],
  summary,
  security: [],
  responses: { "200": { description: summary, content: { "text/html": { schema: { type: "string" } } } } },
});

const LOGIN: Operation = {
  tags: ["access"],
  summary: "Exchange a key or token for a cookie",
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
  summary: "Create a one-time ticket for a URL",
  description:
    "`?ticket=…` authorizes one connection or request within `expires_in` seconds. A ticket with a route and streams is valid only for those.",
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
  summary: "List open connections",
  responses: { "200": text("The connections."), "401": FAULTS["401"], "403": FAULTS["403"] },
};

const CLOSE_CONNECTION: Operation = {
  tags: ["access"],
  summary: "Close a connection",
  parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
  responses: {
    "204": text("The connection is closed."),
    "401": FAULTS["401"],
    "403": FAULTS["403"],
    "404": problem("No such connection."),
  },
};

const status = (summary: string, more: OpenAPIV3.ResponsesObject = {}): Operation => ({
  tags: ["status"],
  summary,
  responses: { "200": text(summary), ...more },
});

const METHODS = ["get", "post", "put", "delete"] as const;

/** Adds the responses that all operations have. */
function withHeadFaults(paths: Record<string, Partial<Record<(typeof METHODS)[number], Operation>>>) {
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
      "/data/{stream_id}/push": { get: PUSH },
      "/data/{stream_id}/pull": { get: PULL },
      "/data/{stream_id}": { get: GET, post: POST },
      "/data/{stream_id}/entries": { get: HISTORY },
      "/data/{stream_id}/events": { get: EVENTS },
      "/data/{stream_id}/mjpeg": { get: MJPEG },
      "/graphql": { get: GRAPHQL_GET, post: GRAPHQL_POST, put: GRAPHQL_RESERVE, delete: GRAPHQL_STOP },
      "/login": { get: page("Login page"), post: LOGIN },
      "/logout": {
        post: { tags: ["access"], summary: "Delete the cookie", responses: { "204": text("Done.") } },
      },
      "/tickets": { post: TICKETS },
      "/admin/connections": { get: CONNECTIONS },
      "/admin/connections/{id}": { delete: CLOSE_CONNECTION },
      "/": { get: status("Name, version and links") },
      "/healthz": { get: status("The process is running") },
      "/readyz": {
        get: status("Redis answers and accepts writes", { "503": problem("Redis does not answer.") }),
      },
      "/metrics": { get: status("Metrics for Prometheus") },
      "/openapi.json": { get: status("This document") },
      "/docs": { get: status("Page that shows this document") },
    }),
  };
}
