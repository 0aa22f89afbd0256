/** `GET /asyncapi.json`: valid, and consistent with the tables in the code. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ERRORS } from "../../../../src/domain/errors.ts";
import { type ParameterRoute, rowsOf } from "../../../../src/transports/request/parameters/parameters.ts";
import { PROTOCOL_CLOSE } from "../../../../src/transports/websocket-protocol/frames/protocol-error.ts";
import { CLEAN_FORMATS } from "../../../../src/wire/formats.ts";
import { request } from "../../../support/clients/http.ts";
import { problemsOf } from "../../../support/data/asyncapi.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let text: string;

/** The parts of the document that the tests read. */
interface Document {
  asyncapi: string;
  info: Record<string, unknown>;
  servers: Record<
    string,
    { host: string; protocol?: string; pathname?: string; security: { $ref: string }[] }
  >;
  channels: Record<string, Channel>;
  operations: Record<string, Operation>;
  components: {
    messages: Record<string, { contentType: unknown; payload: Record<string, unknown> }>;
    securitySchemes: Record<string, { type: string }>;
  };
}

interface Channel {
  address: string;
  parameters?: object;
  messages: Record<string, { $ref: string }>;
  bindings: { ws: { query: { type: string; properties: Record<string, { type: string }> } } };
}

interface Exchange {
  channel: { $ref: string };
  messages: { $ref: string }[];
}

interface Operation extends Exchange {
  action: string;
  reply: Exchange;
}

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { PATH_PREFIX: "/streams" });
  text = (await request(`${gateway.http}/asyncapi.json`)).text;
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const parsed = () => JSON.parse(text) as Document;
const channel = (document: Document, name: string): Channel =>
  document.channels[name] ?? expect.fail(`no channel ${name}`);
const operation = (document: Document, name: string): Operation =>
  document.operations[name] ?? expect.fail(`no operation ${name}`);

test("is a valid AsyncAPI 3.0 document", () => {
  const document = parsed();
  expect(problemsOf(document)).toEqual([]);
  expect(document.asyncapi).toBe("3.0.0");
  expect(document.info.version).toBe("test");
  const addresses = Object.values(document.channels).map(({ address }) => address);
  expect(addresses).toEqual([
    "/data/{stream_id}/push",
    "/data/{stream_id}/pull",
    "/data/{stream_id}/work/{group}",
    "/graphql",
    "/foxglove",
  ]);
});

describe("the validation rejects", () => {
  const payload = (document: Document, name: string) =>
    document.components.messages[name]?.payload ?? expect.fail(`no message ${name}`);
  const gateway = ({ servers }: Document) => servers.gateway ?? expect.fail("no server");
  const refer = (to: { $ref: string } | undefined, target: string) => {
    if (to === undefined) expect.fail("no reference");
    to.$ref = target;
  };
  const GAP = "#/channels/pull/messages/gap";

  test.each<[string, (document: Document) => unknown]>([
    ["a missing title", ({ info }) => delete info.title],
    ["another version", (document) => Object.assign(document, { asyncapi: "3.0" })],
    ["an address that is not an email", ({ info }) => Object.assign(info, { contact: { email: "x" } })],
    ["a tag twice", ({ info }) => Object.assign(info, { tags: [{ name: "a" }, { name: "a" }] })],
    ["a server without a protocol", (document) => delete gateway(document).protocol],
    ["an unknown security scheme", (document) => refer(gateway(document).security[0], "#/components/x")],
    [
      "an invalid security scheme",
      (document) => Object.assign(document.components.securitySchemes, { key: { type: "htp" } }),
    ],
    ["an unknown channel", (document) => refer(operation(document, "storeEntries").channel, "#/channels/x")],
    [
      "an unknown message",
      (document) => refer(channel(document, "push").messages.header, "#/components/messages/x"),
    ],
    [
      "a reference to another file",
      (document) => refer(channel(document, "push").messages.header, "other.json"),
    ],
    [
      "a message of another channel",
      (document) => refer(operation(document, "storeEntries").messages[0], GAP),
    ],
    [
      "a message of no channel",
      (document) => refer(operation(document, "storeEntries").messages[0], "#/components/messages/header"),
    ],
    [
      "a reply of another channel",
      (document) => refer(operation(document, "storeEntries").reply.messages[0], GAP),
    ],
    [
      "a parameter that is not in the address",
      (document) => Object.assign(channel(document, "push"), { address: "/push" }),
    ],
    [
      "an address whose parameter is not declared",
      (document) => Object.assign(channel(document, "push"), { parameters: {} }),
    ],
    ["an unknown member", (document) => Object.assign(channel(document, "push"), { methods: "GET" })],
    [
      "an unknown member of a binding",
      (document) => Object.assign(channel(document, "push").bindings.ws, { methods: "GET" }),
    ],
    [
      "an invalid query",
      (document) => Object.assign(channel(document, "push").bindings.ws.query, { type: "text" }),
    ],
    [
      "an unknown action",
      (document) => Object.assign(operation(document, "storeEntries"), { action: "put" }),
    ],
    [
      "a content type that is a number",
      ({ components }) => Object.assign(components.messages, { ack: { contentType: 5 } }),
    ],
    ["an unknown type", (document) => Object.assign(payload(document, "ack"), { type: "text" })],
    ["an invalid number", (document) => Object.assign(payload(document, "jsonBatch"), { minItems: "3" })],
    ["an unknown keyword", (document) => Object.assign(payload(document, "ack"), { item: {} })],
    [
      "an example that does not match",
      (document) => Object.assign(payload(document, "header"), { examples: [5] }),
    ],
  ])("%s", (_, alter) => {
    const document = parsed();
    alter(document);
    expect(problemsOf(document)).not.toEqual([]);
  });
});

test("names the gateway as the client reaches it", () => {
  const [server] = Object.values(parsed().servers);
  expect(`${server?.protocol}://${server?.host}`).toBe(gateway.ws.replace(/\/streams$/, ""));
  expect(server?.pathname).toBe("/streams");
});

test.each(["push", "pull", "work"] as const)(
  "%s has the parameters that are parsed",
  async (route: ParameterRoute) => {
    const { query } = channel(parsed(), route).bindings.ws;
    expect(Object.keys(query.properties)).toEqual(Object.keys(rowsOf(route)));
    expect(query.properties.format).toMatchObject({ type: "string", enum: Object.keys(CLEAN_FORMATS) });
  },
);

test("has a message for each clean format, and every error and close code", async () => {
  const types = Object.values(parsed().components.messages).map(({ contentType }) => contentType);
  for (const { mediaType } of Object.values(CLEAN_FORMATS)) expect(types).toContain(mediaType);
  const json = JSON.parse(text);
  expect(json["x-errors"]).toEqual(ERRORS);
  const close = [...Object.values(ERRORS).map(({ close: code }) => code), ...Object.values(PROTOCOL_CLOSE)];
  expect(Object.keys(json["x-close-codes"]).map(Number)).toEqual([...new Set(close)].sort((a, b) => a - b));
});

test("is linked from the documentation and the home page", async () => {
  const { json } = await request(`${gateway.http}/openapi.json`);
  expect(json()).toMatchObject({ externalDocs: { url: "/streams/asyncapi.json" } });
  const home = await request(gateway.http, { headers: { accept: "application/json" } });
  expect(home.json()).toMatchObject({ links: { asyncapi: "/streams/asyncapi.json" } });
  expect((await request(`${gateway.http}/docs/json`)).text).toContain("/streams/asyncapi.json");
  const head = await request(`${gateway.http}/asyncapi.json`, { method: "HEAD" });
  expect([head.status, head.text]).toEqual([200, ""]);
});
