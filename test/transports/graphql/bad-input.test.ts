/** Invalid GraphQL input: each error has a stable code and leaves the rest of the answer unaffected. */
import { getIntrospectionQuery } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, dataOf } from "../../support/clients/graphql.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  await redis.control.call("XADD", "default:bytes", "*", "d", Buffer.from([0xff]));
  await redis.control.call("XADD", "default:text", "*", "d", "hello");
  await redis.control.call("SET", ":stream:meta:default:text", "no json");
  await redis.control.call("SET", "default:string", "no stream");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const codes = async (query: string, variables?: Record<string, unknown>) =>
  (await ask(gateway, query, variables)).errors?.map(({ extensions }) => extensions.code);

describe("documents", () => {
  test.each([
    ["{", "GRAPHQL_PARSE_FAILED"],
    ["", "GRAPHQL_PARSE_FAILED"],
    ["{ nonsense }", "GRAPHQL_VALIDATION_FAILED"],
    ["{ streams(match: 5) { id } }", "GRAPHQL_VALIDATION_FAILED"],
    ["{ streams }", "GRAPHQL_VALIDATION_FAILED"],
    ["query A { streamIds } query B { streamIds }", "BAD_USER_INPUT"],
    ["fragment F on Query { streamIds }", "GRAPHQL_VALIDATION_FAILED"],
    ["{ ...F } fragment F on Query { ...F }", "GRAPHQL_VALIDATION_FAILED"],
    [`{ ${"streamIds ".repeat(2001)} }`, "GRAPHQL_LIMIT_EXCEEDED"],
    [`{ ${Array.from({ length: 101 }, (_, i) => `a${i}: streamIds`).join(" ")} }`, "GRAPHQL_LIMIT_EXCEEDED"],
    [`{ ${"a { ".repeat(21)}b${" }".repeat(21)} }`, "GRAPHQL_LIMIT_EXCEEDED"],
  ])("%.60s", async (query, code) => {
    expect((await codes(query))?.[0]).toBe(code);
  });

  test("counts nested fragments without expanding them", async () => {
    const levels = Array.from(
      { length: 60 },
      (_, i) => `fragment F${i} on Query { x: streamIds ...F${i + 1} y: streamIds ...F${i + 1} }`,
    );
    const bomb = `{ ...F0 } ${levels.join(" ")} fragment F60 on Query { z: streamIds }`;
    expect(await codes(bomb)).toEqual(["GRAPHQL_LIMIT_EXCEEDED"]);
  });

  test.each([
    Array.from({ length: 4 }, (_, i) => `a${i}: __schema { types { name } }`).join(" "),
    Array.from({ length: 4 }, (_, i) => `a${i}: __type(name: "Query") { fields { name } }`).join(" "),
    `__schema { types { ${Array.from({ length: 3 }, (_, i) => `a${i}: fields { name }`).join(" ")} } }`,
  ])("rejects repeated introspection: %.40s", async (selection) => {
    expect(await codes(`{ ${selection} }`)).toEqual(["GRAPHQL_LIMIT_EXCEEDED"]);
    expect(await codes(`{ ...F } fragment F on Query { ${selection} }`)).toEqual(["GRAPHQL_LIMIT_EXCEEDED"]);
  });

  test("accepts the introspection query that tools send", async () => {
    expect((await ask(gateway, getIntrospectionQuery())).errors).toBeUndefined();
    const nested = "ofType { kind name ".repeat(9) + "}".repeat(9);
    const { errors } = await ask(
      gateway,
      `{ __schema { types { fields { args { type { kind name ${nested} } } } } } }`,
    );
    expect(errors).toBeUndefined();
  });
});

describe("variables and arguments", () => {
  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ["query($m: String) { streamIds(match: $m) }", { m: 5 }, "BAD_USER_INPUT", /\$m/],
    ["query($id: String!) { stream(id: $id) { id } }", {}, "BAD_USER_INPUT", /\$id/],
    ['{ stream(id: "") { id } }', {}, "BAD_PARAMETER", /^streamId must not be empty/],
    ['{ stream(id: "text") { entries(first: 0) { nodes { id } } } }', {}, "BAD_PARAMETER", /^first /],
    ['{ stream(id: "text") { entries(start: "x") { nodes { id } } } }', {}, "BAD_PARAMETER", /^start /],
    ['{ stream(id: "text") { entries(after: "x") { nodes { id } } } }', {}, "BAD_PARAMETER", /^after /],
    ["{ streams { entries(first: 9000) { nodes { id } } } }", {}, "TOO_LARGE", /entries/],
    [
      "query($d: String) { device { streams(deviceId: $d) { id } } }",
      { d: "a".repeat(1025) },
      "BAD_PARAMETER",
      /^deviceId must be at most 1024 bytes/,
    ],
    ["mutation { connectDevice(meta: {}) }", {}, "BAD_PARAMETER", /^deviceId is missing/],
    [
      'mutation { connectDevice(deviceId: "", meta: {}) }',
      {},
      "BAD_PARAMETER",
      /^deviceId must not be empty/,
    ],
    ['mutation { disconnectDevice(id: "") }', {}, "BAD_PARAMETER", /^deviceId must not be empty/],
    ['mutation { updateDeviceMeta(id: "", meta: {}) }', {}, "BAD_PARAMETER", /^deviceId must not be empty/],
    [
      'mutation { disconnectDevice(id: "a", deviceId: "b") }',
      {},
      "BAD_PARAMETER",
      /^id is an alias of deviceId/,
    ],
    ['mutation { updateStreamMeta(sid: "text", meta: {}, update: true) }', {}, "BAD_PAYLOAD", /./],
    ['mutation { updateStreamMeta(sid: "x", meta: 5, update: true) }', {}, "BAD_PARAMETER", /^meta /],
    ['mutation { append(streamId: "x", entries: [{}]) { id } }', {}, "BAD_PARAMETER", /^entries\[0\] /],
    ['mutation { append(streamId: "x", entries: [{base64: "?"}]) { id } }', {}, "BAD_PARAMETER", /base64/],
    [
      'mutation { append(streamId: "x", entries: [{string: "", fields: {d: "x"}}]) { id } }',
      {},
      "BAD_PARAMETER",
      /fields/,
    ],
    ['mutation { append(streamId: "x", entries: [{string: "", id: "x"}]) { id } }', {}, "BAD_HEADER", /id/],
    ["mutation { flush }", {}, "NOT_ENABLED", /ENABLE_FLUSH/],
  ])("%s", async (query, variables, code, message) => {
    const [error] = (await ask(gateway, query, variables)).errors ?? [];
    expect(error?.extensions.code).toBe(code);
    expect(error?.message).toMatch(message);
  });

  test("returns the other fields if one field fails", async () => {
    const { data, errors } = await ask(
      gateway,
      `{ bytes: stream(id: "bytes") { length lastEntryString lastEntryJson lastEntryData }
         text: stream(id: "text") { lastEntryString lastEntryJson meta }
         none: stream(id: "none") { length error }
         string: stream(id: "default:string") { length error }
         many: streams(ids: ${JSON.stringify(Array.from({ length: 1001 }, String))}) { id } }`,
    );
    expect(data).toEqual({
      bytes: { length: 1, lastEntryString: null, lastEntryJson: null, lastEntryData: "/w==" },
      text: { lastEntryString: "hello", lastEntryJson: null, meta: null },
      none: { length: 0, error: "no such key" },
      string: { length: 0, error: expect.stringMatching(/^WRONGTYPE/) },
      many: null,
    });
    expect(errors?.map(({ path, extensions }) => `${path?.join(".")} ${extensions.code}`).toSorted()).toEqual(
      [
        "bytes.lastEntryJson BAD_PAYLOAD",
        "bytes.lastEntryString BAD_PAYLOAD",
        "many BAD_PARAMETER",
        "text.lastEntryJson BAD_PAYLOAD",
        "text.meta BAD_PAYLOAD",
      ],
    );
  });

  test("executes the other mutations if one is rejected", async () => {
    const { data } = await ask(gateway, 'mutation { flush updateStreamMeta(sid: "beside", meta: {}) }');
    expect(data).toEqual({ flush: null, updateStreamMeta: { meta_set: true } });
  });
});

describe("requests", () => {
  const post = (body: string, headers: Record<string, string> = { "content-type": "application/json" }) =>
    request(`${gateway.http}/graphql`, { method: "POST", headers, body });

  test.each([
    ["invalid JSON", "{", 400, "BAD_REQUEST"],
    ["a list", "[]", 400, "BAD_REQUEST"],
    ["no query", "{}", 400, "BAD_REQUEST"],
    ["a query that is not a string", '{"query": 5}', 400, "BAD_REQUEST"],
    ["variables that are not an object", '{"query": "{ streamIds }", "variables": []}', 400, "BAD_REQUEST"],
  ])("%s", async (_what, body, status, code) => {
    const answer = await post(body);
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  test("rejects content types that a form of another site can send", async () => {
    const answer = await post('{"query": "{ streamIds }"}', { "content-type": "text/plain" });
    expect(answer.status).toBe(415);
    expect(answer.json()).toMatchObject({ errors: [{ extensions: { code: "UNSUPPORTED_MEDIA_TYPE" } }] });
  });

  test("rejects mutations sent with GET", async () => {
    const query = encodeURIComponent('mutation { updateStreamMeta(sid: "a", meta: {}) }');
    const answer = await request(`${gateway.http}/graphql?query=${query}`);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("POST");
    expect(answer.json()).toMatchObject({ errors: [{ extensions: { code: "METHOD_NOT_ALLOWED" } }] });
  });

  test("rejects a request that is too large before it reads the body", async () => {
    const answer = await post(
      JSON.stringify({ query: "{ streamIds }", variables: { a: "x".repeat(2 ** 20) } }),
    );
    expect(answer.status).toBe(413);
    expect(answer.json()).toMatchObject({ code: "TOO_LARGE" });
  });

  test("rejects requests from pages of another origin", async () => {
    const answer = await post('{"query": "{ streamIds }"}', {
      "content-type": "application/json",
      origin: "https://elsewhere.example",
    });
    expect(answer.status).toBe(403);
  });
});

test("returns an error while Redis is unavailable, and answers again afterwards", async () => {
  await using own = await startRedis();
  await using waiting = await startTestGateway(own.url, { REDIS_WAIT_MS: "50" });
  await own.kill();
  const { data, errors } = await ask(waiting, "{ __typename streamIds }");
  expect(data).toEqual({ __typename: "Query", streamIds: null });
  expect(errors?.map(({ extensions }) => extensions.code)).toEqual(["REDIS_UNAVAILABLE"]);
  await own.start();
  let answer = await ask(waiting, "{ streamIds }");
  while (answer.errors !== undefined) answer = await ask(waiting, "{ streamIds }");
  expect(answer.data).toEqual({ streamIds: [] });
  expect(await dataOf(waiting, "{ server { redisMode } }")).toEqual({ server: { redisMode: "standalone" } });
});
