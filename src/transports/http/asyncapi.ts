/**
 * AsyncAPI 3.0 document of the WebSocket routes, from the gateway's point of view: it receives what clients push and sends
 * what they pull. Parameters, formats, errors and close codes are generated from the tables that the code uses.
 */
import { ERRORS, type ErrorCode } from "../../domain/errors.ts";
import { CLEAN_FORMAT_NAMES, cleanFormat, RAW_TYPE } from "../../wire/formats.ts";
import { parameterSchema, parameterText } from "../request/parameter-schema.ts";
import { type ParameterRoute, rowsOf } from "../request/parameters.ts";
import { PROTOCOL_CLOSE } from "../websocket-protocol/protocol-error.ts";

/** Address of the gateway as its clients use it. */
export interface AsyncApiServer {
  readonly host: string;
  readonly isSecure: boolean;
  readonly pathPrefix: string;
}

/** An object of the document. */
type Json = Readonly<Record<string, unknown>>;

const JSON_TYPE = "application/json";
const TEXT = { type: "string" } as const;
const ID = { type: "string", pattern: "^\\d+-\\d+$" } as const;
const object = (properties: Json, required = Object.keys(properties)): Json => ({
  type: "object",
  required,
  properties,
});

const HEADER = {
  type: "array",
  items: { type: "array" },
  examples: [[["cam", "5-0", 0]]],
};

/** Entries of a clean format, `[[stream_id, entry_id, payload, fields?], …]`. */
const BATCH = {
  type: "array",
  items: {
    type: "array",
    minItems: 3,
    maxItems: 4,
    description:
      "`[stream_id, entry_id, payload]`, with a map of further fields as an optional fourth element.",
  },
};

interface Message {
  readonly title: string;
  readonly summary: string;
  readonly contentType: string;
  readonly payload: Json;
}

const message = (title: string, summary: string, payload: Json, contentType = JSON_TYPE): Message => ({
  title,
  summary,
  contentType,
  payload,
});

const ERROR_IN_ACK = object({ error: TEXT, code: { enum: Object.keys(ERRORS) } });
const SINCE = { ...TEXT, format: "date-time" };

const BATCHES: Readonly<Record<string, Message>> = Object.fromEntries(
  CLEAN_FORMAT_NAMES.map((name) => {
    const { title, mediaType, isBinary } = cleanFormat(name);
    const kind = isBinary ? "a binary message" : "a text message";
    return [
      `${name}Batch`,
      message(`Batch in ${title}`, `With \`format=${name}\`: entries, in ${kind}.`, BATCH, mediaType),
    ];
  }),
);

const MESSAGES: Readonly<Record<string, Message>> = {
  header: message(
    "Header",
    "With `header=1`: streams, entry ids and offsets of the payload in the next message, in a text message.",
    HEADER,
  ),
  payload: message(
    "Payload",
    "With `header=1`: the payloads end to end; with `header=0`: one payload. A binary message.",
    { type: "string", format: "binary" },
    RAW_TYPE,
  ),
  ...BATCHES,
  ack: message(
    "Acknowledgement",
    "With `ack=1`: the entry ids of one batch; a rejected entry has an error in its place.",
    {
      type: "array",
      items: { oneOf: [ID, ERROR_IN_ACK] },
    },
  ),
  ready: message(
    "Ready",
    "With `ack=1`: any message requests the next payload.",
    { type: "string" },
    "text/plain",
  ),
  gap: message(
    "Gap",
    "With `gaps=1`: entries between two ids may be missing. In the clean format of the connection.",
    object({ gap: object({ stream_id: TEXT, after: ID, before: ID }) }),
  ),
  status: message(
    "Status",
    "With `status=1`: Redis stopped answering, or answers again. On pull in the clean format of the connection.",
    object({ status: object({ redis: { enum: ["available", "unavailable"] }, since: SINCE }, ["redis"]) }),
  ),
  control: message(
    "Control",
    "With `control=1`: replaces the key or token of the connection. A text message.",
    object({ token: TEXT }),
  ),
  graphqlMessage: message(
    "GraphQL message",
    "A message of the subprotocol `graphql-transport-ws` or `graphql-ws`.",
    object({ id: TEXT, type: TEXT, payload: {} }, ["type"]),
  ),
};

const CLEAN_BATCHES = Object.keys(BATCHES);

const CLOSE_NAMES: Readonly<Record<keyof typeof PROTOCOL_CLOSE, string>> = {
  violation: "The client violated the WebSocket protocol",
  notUtf8: "A text message that is not UTF-8",
  tooLarge: "A message over a limit",
};

/** The close codes of data routes, each with the error codes that its reason may begin with. */
function closeCodes(): Json {
  const codes = new Map<number, string[]>();
  for (const code of Object.keys(ERRORS) as ErrorCode[])
    codes.set(ERRORS[code].close, [...(codes.get(ERRORS[code].close) ?? []), code]);
  for (const name of Object.keys(PROTOCOL_CLOSE) as (keyof typeof PROTOCOL_CLOSE)[])
    codes.set(PROTOCOL_CLOSE[name], [...(codes.get(PROTOCOL_CLOSE[name]) ?? []), CLOSE_NAMES[name]]);
  return Object.fromEntries(codes);
}

/** Query parameters of a data route, as the binding of a WebSocket channel. */
const queryOf = (route: ParameterRoute): Json => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(rowsOf(route)).map(([name, row]) => [
      name,
      { ...parameterSchema(row), description: parameterText(row) },
    ]),
  ),
});

const references = (channel: string, names: readonly string[]) =>
  names.map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` }));

const messagesOf = (names: readonly string[]): Json =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }]));

const PUSHED = ["header", "payload", ...CLEAN_BATCHES, "control"];
const PUSH_ANSWERS = ["ack", "status"];
const PULLED = ["header", "payload", ...CLEAN_BATCHES, "gap", "status"];
const PULL_REQUESTS = ["ready", "control"];

const dataChannel = (route: "push" | "pull", description: string, messages: readonly string[]): Json => ({
  address: `/data/{stream_id}/${route}`,
  title: route,
  description,
  parameters: {
    stream_id: {
      description:
        "Stream id; `a+b` selects several streams. `%2F` is a slash and `%2B` a plus within a stream id.",
    },
  },
  messages: messagesOf(messages),
  bindings: { ws: { method: "GET", query: queryOf(route), bindingVersion: "0.1.0" } },
});

/** Returns the document. */
export const asyncApiDocument = (version: string, { host, isSecure, pathPrefix }: AsyncApiServer): Json => ({
  asyncapi: "3.0.0",
  info: {
    title: "Redis Streamer",
    version,
    description:
      "WebSockets in front of Redis Streams. A rejected request closes the socket: the close reason is an error code and a sentence.",
    license: { name: "MIT" },
    tags: [{ name: "websocket" }],
    externalDocs: {
      description: "OpenAPI document of the HTTP routes",
      url: `${isSecure ? "https" : "http"}://${host}${pathPrefix}/openapi.json`,
    },
  },
  defaultContentType: JSON_TYPE,
  servers: {
    gateway: {
      host,
      protocol: isSecure ? "wss" : "ws",
      ...(pathPrefix !== "" && { pathname: pathPrefix }),
      description: "This gateway.",
      security: [{ $ref: "#/components/securitySchemes/key" }],
    },
  },
  channels: {
    push: dataChannel("push", "Stores what the client sends.", [...PUSHED, ...PUSH_ANSWERS]),
    pull: dataChannel("pull", "Sends entries as they arrive, or as they once arrived.", [
      ...PULLED,
      ...PULL_REQUESTS,
    ]),
    graphql: {
      address: "/graphql",
      title: "graphql",
      description:
        "Queries, mutations and subscriptions. The client offers the subprotocol `graphql-transport-ws` or `graphql-ws`.",
      messages: messagesOf(["graphqlMessage"]),
    },
  },
  operations: {
    storeEntries: {
      action: "receive",
      summary: "Stores entries, and acknowledges them with `ack=1`",
      channel: { $ref: "#/channels/push" },
      messages: references("push", PUSHED),
      reply: { channel: { $ref: "#/channels/push" }, messages: references("push", ["ack"]) },
    },
    reportStatus: {
      action: "send",
      summary: "Reports whether Redis answers",
      channel: { $ref: "#/channels/push" },
      messages: references("push", ["status"]),
    },
    sendEntries: {
      action: "send",
      summary: "Sends entries, gaps and the status of Redis",
      channel: { $ref: "#/channels/pull" },
      messages: references("pull", PULLED),
    },
    receiveRequests: {
      action: "receive",
      summary: "Receives requests for the next payload, and control messages",
      channel: { $ref: "#/channels/pull" },
      messages: references("pull", PULL_REQUESTS),
    },
    receiveOperations: {
      action: "receive",
      summary: "Runs GraphQL operations",
      channel: { $ref: "#/channels/graphql" },
      messages: references("graphql", ["graphqlMessage"]),
    },
    sendResults: {
      action: "send",
      summary: "Sends the results of GraphQL operations",
      channel: { $ref: "#/channels/graphql" },
      messages: references("graphql", ["graphqlMessage"]),
    },
  },
  components: {
    messages: Object.fromEntries(Object.entries(MESSAGES).map(([name, one]) => [name, { name, ...one }])),
    securitySchemes: {
      key: {
        type: "http",
        scheme: "bearer",
        description: "API key or JSON Web Token. Clients that cannot set a header send `?ticket=…`.",
      },
    },
  },
  "x-errors": ERRORS,
  "x-close-codes": closeCodes(),
});
