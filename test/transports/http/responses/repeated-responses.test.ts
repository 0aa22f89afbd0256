/** Responses that are repeated for identical requests are the ones that the route would send. */
import { Agent } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, request } from "../../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { createTestKeys } from "../../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
const agent = new Agent({ keepAlive: true });
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
afterAll(async () => {
  agent.destroy();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const add = (stream: string, data: string) =>
  redis.control.call("XADD", `default:${stream}`, "*", "d", data).then(String);
const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  request(`${gateway.http}/data/${path}`, { agent, headers });

const metric = async (name: string, { http }: TestGateway = gateway): Promise<number> => {
  const { text } = await request(`${http}/metrics`);
  const values = text.matchAll(new RegExp(`^redis_streamer_${name}\\S* (\\d+)$`, "gm"));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
};

/** Sends a request until its response is a repeated one. */
async function getRepeated(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  let answer: Answer | undefined;
  await until(`the response to ${path} is repeated`, async () => {
    const before = await metric("answers_repeated_total");
    answer = await get(path, headers);
    return (await metric("answers_repeated_total")) > before;
  });
  if (answer === undefined) throw new Error("no request was sent");
  return answer;
}

/** Everything that may not differ from one response to the next. */
const comparable = ({ status, headers, text }: Answer) => {
  const { date, "x-connection-id": _id, ...others } = headers;
  return { status, headers: others, text };
};

test.each([
  ["raw", {}],
  ["JSON", { accept: "application/json" }],
  ["a page of an allowed origin", { origin: "http://localhost", "sec-fetch-site": "same-origin" }],
])("repeats the response with new ids: %s", async (_, headers) => {
  const stream = `same${Object.keys(headers).join("")}`;
  await add(stream, "one");
  await add(stream, "two");
  const first = await get(`${stream}?last_entry_id=0`, headers);
  const repeated = await getRepeated(`${stream}?last_entry_id=0`, headers);
  expect(comparable(repeated)).toEqual(comparable(first));
  expect(repeated.headers["x-connection-id"]).not.toBe(first.headers["x-connection-id"]);
});

test("an entry of any writer replaces the response", async () => {
  await add("newer", "one");
  const path = "newer?last_entry_id=0&latest=1";
  expect((await getRepeated(path)).text).toBe("one");
  await add("newer", "two");
  await until("the entry of another writer is read", async () => (await get(path)).text === "two");
  await getRepeated(path);
  await request(`${gateway.http}/data/newer`, { method: "POST", body: "three" });
  expect((await get(path)).text).toBe("three");
});

test("requests that differ in one header have their own responses", async () => {
  const id = await add("forms", "x");
  const path = "forms?last_entry_id=0";
  await getRepeated(path);
  expect((await get(path, { accept: "application/json" })).json()).toEqual([["forms", id, "x"]]);
  const other = await get(path, { origin: "http://evil.example" });
  expect(other.status).toBe(403);
});

test("counts the entries of repeated responses", async () => {
  await add("counted", "12345");
  const path = "counted?last_entry_id=0";
  await getRepeated(path);
  const before = await metric("bytes_out_total");
  for (let i = 0; i < 10; i++) await get(path);
  expect((await metric("bytes_out_total")) - before).toBe(50);
});

test("a revoked key gets no repeated response", async () => {
  using keys = createTestKeys();
  const key = keys.add("reader", ["read:*:*"]);
  await using guarded = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  await add("guarded", "x");
  const read = () =>
    request(`${guarded.http}/data/guarded?last_entry_id=0`, {
      agent,
      headers: { authorization: `Bearer ${key}` },
    });
  for (let i = 0; i < 5; i++) expect((await read()).text).toBe("x");
  keys.revoke("reader");
  await until("the key is revoked", async () => (await read()).status === 401);
});

test("rate limits count every request", async () => {
  await using limited = await startTestGateway(redis.url, { MAX_MESSAGES_PER_SECOND: "5" });
  await add("limited", "x");
  const statuses = new Set<number>();
  for (let i = 0; i < 50; i++)
    statuses.add((await request(`${limited.http}/data/limited?last_entry_id=0`, { agent })).status);
  expect(statuses).toEqual(new Set([200, 429]));
});
