/** `GET /asyncapi.json`: valid, and consistent with the tables in the code. */
import { type ParseOutput, Parser } from "@asyncapi/parser";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ERRORS } from "../../../src/domain/errors.ts";
import { type ParameterRoute, rowsOf } from "../../../src/transports/request/parameters.ts";
import { PROTOCOL_CLOSE } from "../../../src/transports/websocket-protocol/frame-reader.ts";
import { CLEAN_FORMATS } from "../../../src/wire/formats.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway.ts";
import { request } from "../../support/http.ts";
import { startRedis, type TestRedis } from "../../support/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let text: string;
/** Parsed once, because that takes seconds. */
let output: ParseOutput;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { PATH_PREFIX: "/streams" });
  text = (await request(`${gateway.http}/asyncapi.json`)).text;
  output = await new Parser().parse(text);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

function valid() {
  const { document, diagnostics } = output;
  if (document === undefined) throw new Error(JSON.stringify(diagnostics));
  return document;
}

test("is a valid AsyncAPI 3.0 document, without warnings", async () => {
  // 0 is an error, 1 a warning; 2 and 3 are recommendations.
  const problems = output.diagnostics.filter(({ severity }) => severity <= 1);
  expect(problems.map(({ message, path }) => `${path.join(".")}: ${message}`)).toEqual([]);
  const document = valid();
  expect(document.version()).toBe("3.0.0");
  expect(document.info().version()).toBe("test");
  const addresses = document
    .channels()
    .all()
    .map((channel) => channel.address());
  expect(addresses).toEqual(["/data/{stream_id}/push", "/data/{stream_id}/pull", "/graphql"]);
});

test("names the gateway as the client reaches it", async () => {
  const [server] = valid().servers().all();
  expect(server?.url()).toBe(`${gateway.ws}`);
});

test.each(["push", "pull"] as const)(
  "%s has the parameters that are parsed",
  async (route: ParameterRoute) => {
    const channel = valid()
      .channels()
      .all()
      .find((one) => one.id() === route);
    const query = channel?.bindings().get("ws")?.value().query as {
      properties: Record<string, { type: string }>;
    };
    expect(Object.keys(query.properties)).toEqual(Object.keys(rowsOf(route)));
    expect(query.properties.format).toMatchObject({ type: "string", enum: Object.keys(CLEAN_FORMATS) });
  },
);

test("has a message for each clean format, and every error and close code", async () => {
  const document = valid();
  const types = document
    .components()
    .messages()
    .all()
    .map((message) => message.contentType());
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
