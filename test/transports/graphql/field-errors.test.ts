/** Errors of fields: their path, location and code, for executed and for compiled documents. */
import { buildSchema, execute, parse } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FieldError, throwFieldErrors } from "../../../src/transports/graphql/execution/field-errors.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  for (const name of ["a", "b"]) await redis.control.call("XADD", name, "1-0", "d", Buffer.from([0xff]));
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

test("an error of a field has its path, location and code, however often the document is sent", async () => {
  const query = '{\n  streams(match: "*") {\n    id lastEntryString\n  }\n}';
  for (let i = 0; i < 8; i++) {
    const body = JSON.stringify({ query });
    const headers = { "content-type": "application/json" };
    const { text } = await request(`${gateway.http}/graphql`, { method: "POST", headers, body });
    expect(JSON.parse(text)).toEqual({
      data: { streams: ["a", "b"].map((id) => ({ id, lastEntryString: null })) },
      errors: [0, 1].map((at) => ({
        message: "the payload must be UTF-8 to be read as text or JSON; read it as base64",
        locations: [{ line: 3, column: 8 }],
        path: ["streams", at, "lastEntryString"],
        extensions: { code: "BAD_PAYLOAD" },
      })),
    });
  }
});

test("graphql-js keeps the errors of resolvers as they are, instead of making a GraphQLError of each", async () => {
  const schema = buildSchema("type Query { all: [One!]! } type One { value: String }");
  const thrown = new Error("no value");
  const { all } = schema.getQueryType()?.getFields() ?? {};
  const { value } = (schema.getType("One") as { getFields(): Record<string, typeof all> }).getFields();
  if (all === undefined || value === undefined) throw new Error("the schema lacks a field");
  all.resolve = () => [{}, {}];
  value.resolve = () => {
    throw thrown;
  };
  const { errors = [] } = await execute({
    schema: throwFieldErrors(schema),
    document: parse("{all{value}}"),
  });
  expect(errors).toHaveLength(2);
  for (const [at, error] of errors.entries()) {
    expect(error).toBeInstanceOf(FieldError);
    expect(error).toMatchObject({ path: ["all", at, "value"], locations: [{ line: 1, column: 6 }] });
    expect((error as Error).cause).toBe(thrown);
  }
});
