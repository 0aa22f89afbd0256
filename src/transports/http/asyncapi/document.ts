/**
 * AsyncAPI 3.0 document of the WebSocket routes, from the gateway's point of view: it receives what clients push and sends
 * what they pull. Parameters, formats, errors and close codes are generated from the tables that the code uses.
 */
import { ERRORS, type ErrorCode } from "../../../domain/errors.ts";
import { parameterSchema, parameterText } from "../../request/parameters/parameter-schema.ts";
import { type ParameterRoute, rowsOf } from "../../request/parameters/parameters.ts";
import { PROTOCOL_CLOSE } from "../../websocket-protocol/frames/protocol-error.ts";
import { JSON_TYPE, type Json } from "./message.ts";
import { CLEAN_BATCHES, MESSAGES } from "./messages.ts";
import { WORK_SENT } from "./work-messages.ts";

/** Address of the gateway as its clients use it. */
export interface AsyncApiServer {
  readonly host: string;
  readonly isSecure: boolean;
  readonly pathPrefix: string;
}

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
const PULLED = ["header", "payload", ...CLEAN_BATCHES, "gap", "status", "state"];
const PULL_REQUESTS = ["ready", "control", "command"];

const dataChannel = (
  route: "push" | "pull" | "work",
  description: string,
  messages: readonly string[],
): Json => ({
  address: `/data/{stream_id}/${route}${route === "work" ? "/{group}" : ""}`,
  title: route,
  description,
  parameters: {
    stream_id: {
      description:
        "Stream id; `a+b` selects several streams. `%2F` is a slash and `%2B` a plus within a stream id.",
    },
    ...(route === "work" && { group: { description: "Name of the consumer group." } }),
  },
  messages: messagesOf(messages),
  bindings: { ws: { method: "GET", query: queryOf(route), bindingVersion: "0.1.0" } },
});

const CHANNELS: Json = {
  push: dataChannel("push", "Stores what the client sends.", [...PUSHED, ...PUSH_ANSWERS]),
  pull: dataChannel("pull", "Sends entries as they arrive, or as they once arrived.", [
    ...PULLED,
    ...PULL_REQUESTS,
  ]),
  work: dataChannel("work", "Delivers the entries of a consumer group at least once.", [
    ...WORK_SENT,
    "settlement",
    "done",
  ]),
  graphql: {
    address: "/graphql",
    title: "graphql",
    description:
      "Queries, mutations and subscriptions. The client offers the subprotocol `graphql-transport-ws` or `graphql-ws`.",
    messages: messagesOf(["graphqlMessage"]),
  },
  foxglove: {
    address: "/foxglove",
    title: "foxglove",
    description:
      "Streams as channels of the Foxglove WebSocket protocol; `/foxglove/{device}` has those of one device. The client offers the subprotocol `foxglove.sdk.v1` or `foxglove.websocket.v1`.",
    messages: messagesOf(["foxgloveText", "foxgloveBinary"]),
    bindings: { ws: { method: "GET", query: queryOf("foxglove"), bindingVersion: "0.1.0" } },
  },
};

const OPERATIONS: Json = {
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
    summary: "Sends entries, gaps, the status of Redis and the state of a playback",
    channel: { $ref: "#/channels/pull" },
    messages: references("pull", PULLED),
  },
  receiveRequests: {
    action: "receive",
    summary: "Receives requests for the next payload, control messages, and commands of a playback",
    channel: { $ref: "#/channels/pull" },
    messages: references("pull", PULL_REQUESTS),
  },
  deliverEntries: {
    action: "send",
    summary: "Delivers entries of a consumer group",
    channel: { $ref: "#/channels/work" },
    messages: references("work", WORK_SENT),
  },
  settleEntries: {
    action: "receive",
    summary: "Settles delivered entries, and answers with `confirm=1`",
    channel: { $ref: "#/channels/work" },
    messages: references("work", ["settlement"]),
    reply: { channel: { $ref: "#/channels/work" }, messages: references("work", ["done"]) },
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
  receiveSubscriptions: {
    action: "receive",
    summary: "Subscribes a viewer to channels",
    channel: { $ref: "#/channels/foxglove" },
    messages: references("foxglove", ["foxgloveText", "foxgloveBinary"]),
  },
  sendChannels: {
    action: "send",
    summary: "Advertises channels, and sends their messages",
    channel: { $ref: "#/channels/foxglove" },
    messages: references("foxglove", ["foxgloveText", "foxgloveBinary"]),
  },
};

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
  channels: CHANNELS,
  operations: OPERATIONS,
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
