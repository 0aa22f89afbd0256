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
const GRAPHQL = ["graphqlMessage"];
const FOXGLOVE = ["foxgloveText", "foxgloveBinary"];

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
    messages: messagesOf(GRAPHQL),
  },
  foxglove: {
    address: "/foxglove",
    title: "foxglove",
    description:
      "Streams as channels of the Foxglove WebSocket protocol; `/foxglove/{device}` has those of one device. The client offers the subprotocol `foxglove.sdk.v1` or `foxglove.websocket.v1`.",
    messages: messagesOf(FOXGLOVE),
    bindings: { ws: { method: "GET", query: queryOf("foxglove"), bindingVersion: "0.1.0" } },
  },
};

/** Creates an operation on the messages of a channel. @param answers messages that the gateway sends in return */
const operation = (
  action: "send" | "receive",
  channel: string,
  summary: string,
  messages: readonly string[],
  answers?: readonly string[],
): Json => ({
  action,
  summary,
  channel: { $ref: `#/channels/${channel}` },
  messages: references(channel, messages),
  ...(answers && {
    reply: { channel: { $ref: `#/channels/${channel}` }, messages: references(channel, answers) },
  }),
});

const OPERATIONS: Json = {
  storeEntries: operation("receive", "push", "Stores entries, and acknowledges them with `ack=1`", PUSHED, [
    "ack",
  ]),
  reportStatus: operation("send", "push", "Reports whether Redis answers", ["status"]),
  sendEntries: operation(
    "send",
    "pull",
    "Sends entries, gaps, the status of Redis and the state of a playback",
    PULLED,
  ),
  receiveRequests: operation(
    "receive",
    "pull",
    "Receives requests for the next payload, control messages, and commands of a playback",
    PULL_REQUESTS,
  ),
  deliverEntries: operation("send", "work", "Delivers entries of a consumer group", WORK_SENT),
  settleEntries: operation(
    "receive",
    "work",
    "Settles delivered entries, and answers with `confirm=1`",
    ["settlement"],
    ["done"],
  ),
  receiveOperations: operation("receive", "graphql", "Runs GraphQL operations", GRAPHQL),
  sendResults: operation("send", "graphql", "Sends the results of GraphQL operations", GRAPHQL),
  receiveSubscriptions: operation("receive", "foxglove", "Subscribes a viewer to channels", FOXGLOVE),
  sendChannels: operation("send", "foxglove", "Advertises channels, and sends their messages", FOXGLOVE),
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
