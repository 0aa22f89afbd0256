/** Compiled documents return the same answers as interpreted ones. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../../support/clients/graphql.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

/** Enough executions to compile a document. */
const TIMES = 8;

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  await redis.control.call("XADD", "default:text", "1-1", "d", "hello");
  await redis.control.call("XADD", "default:bytes", "1-1", "d", Buffer.from([0xff]));
  await redis.control.call("SADD", ":devices:connected", "default");
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

test.each<[string, Record<string, unknown>]>([
  ["{ streams { ...F } } fragment F on Stream { id lastEntryString lastEntryJson meta }", {}],
  [
    '{ a: stream(id: "text") { lastEntryJson length } b: device { id streams { __typename sid error } } }',
    {},
  ],
  [
    "query($id: String!) { stream(id: $id) { id entries(first: 1) { edges { cursor node { json } } } } }",
    { id: "bytes" },
  ],
  ["query($id: String!) { stream(id: $id) { id } }", { id: 5 }],
  ["query($id: String!) { stream(id: $id) { id } }", {}],
  ["query($with: Boolean!) { streamIds @include(if: $with) __typename }", { with: true }],
  ["query($with: Boolean!) { streamIds @include(if: $with) __typename }", { with: false }],
  ["query A { streamIds } query B { streams { id } }", {}],
  ["mutation { flush updateDeviceMeta(meta: {}) }", {}],
  ['mutation($m: JSON!) { updateStreamMeta(sid: "text", meta: $m) }', { m: { deep: [{ a: null }] } }],
  ['mutation($n: Int) { updateStreamMeta(sid: "text", meta: {n: [$n]}) }', { n: 7 }],
  ["{ __schema { queryType { name fields { name } } } }", {}],
])("%s", async (query, variables) => {
  const first = await ask(gateway, query, variables);
  for (let i = 1; i < TIMES; i++) expect(await ask(gateway, query, variables)).toEqual(first);
});
