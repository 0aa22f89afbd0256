/** Protection of the keys of the gateway and of other programs against writes, by every route and spelling. */
// cspell:ignore Anew
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";

let redis: TestRedis;
let gateway: TestGateway;
let plain: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  plain = await startTestGateway(redis.url, { DISABLE_MULTI_DEVICE_PREFIXING: "1" });
});
afterAll(async () => {
  await Promise.all([gateway.close(), plain.close()]);
  await redis[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
  await redis.control.call("SADD", ":devices:connected", "d");
  await redis.control.call("XADD", ":event:device.connected", "1-0", "d", "{}");
  await redis.control.call("HSET", "user:1", "name", "x");
});
const everything = async () => {
  const keys = ((await redis.control.call("KEYS", "*")) as Buffer[]).map(String).sort();
  return Promise.all(keys.map(async (key) => [key, String(await redis.control.call("DUMP", key))]));
};

async function graphql(
  at: TestGateway,
  query: string,
): Promise<{ errors?: { extensions: { code: string } }[] }> {
  const headers = { "content-type": "application/json" };
  const answer = await request(`${at.http}/graphql`, {
    method: "POST",
    headers,
    body: JSON.stringify({ query }),
  });
  return answer.json() as { errors?: { extensions: { code: string } }[] };
}

/** Spellings of a key that begins with a colon: stream id and query. */
const SPELLINGS: readonly (readonly [id: string, query: string])[] = [
  [":event:device.connected", "device_id="],
  ["event:device.connected", "device_id=&prefix=:"],
  ["device.connected", "device_id=:event"],
  [":new", "device_id="],
  ["x", "device_id=%3Anew"],
];

describe.each(SPELLINGS)("stream %s with %s", (id, query) => {
  const path = encodeURIComponent(id);

  test("is not written by POST, with dedupe or without", async () => {
    const before = await everything();
    for (const more of ["", "&dedupe=k&dedupe_from=0", "&format=raw"]) {
      const answer = await request(`${gateway.http}/data/${path}?${query}${more}`, {
        method: "POST",
        body: "x",
      });
      expect([answer.status, answer.json()]).toEqual([403, expect.objectContaining({ code: "FORBIDDEN" })]);
    }
    expect(await everything()).toEqual(before);
  });

  test.each(["header=0", "header=0&ack=1", "format=json", "header=0&dedupe=k"])(
    "is not written by a push with %s",
    async (form) => {
      const before = await everything();
      await using socket = await connectSocket(`${gateway.ws}/data/${path}/push?${query}&${form}`).catch(
        () => ({ send: () => undefined, closed: undefined, [Symbol.asyncDispose]: async () => undefined }),
      );
      socket.send(form.startsWith("format") ? JSON.stringify([[id, null, "x"]]) : "x");
      const closed = await socket.closed;
      expect(closed?.reason ?? "FORBIDDEN").toMatch(/FORBIDDEN/);
      expect(await everything()).toEqual(before);
    },
  );
});

test.each([
  'append(streamId: ":new", deviceId: "", entries: [{string: "x"}]) { code }',
  'append(streamId: ":event:device.connected", entries: [{string: "x"}]) { code }',
  'append(streamId: "connected", deviceId: ":devices", entries: [{string: "x"}]) { code }',
  'updateStreamMeta(streamId: ":event:device.connected", meta: {a: 1})',
  'updateStreamMeta(streamId: ":x", deviceId: "", meta: {a: 1}, update: true)',
  'deleteStream(streamId: ":event:device.connected")',
  'deleteStream(streamId: ":devices:connected", deviceId: "")',
  'deleteStream(streamId: "connected", deviceId: ":devices")',
])("GraphQL rejects %s", async (mutation) => {
  const before = await everything();
  const { errors } = await graphql(gateway, `mutation { ${mutation} }`);
  expect(errors?.[0]?.extensions.code).toBe("FORBIDDEN");
  expect(await everything()).toEqual(before);
});

test("without devices in keys the same ids are rejected", async () => {
  const before = await everything();
  const answer = await request(`${plain.http}/data/%3Anew`, { method: "POST", body: "x" });
  expect([answer.status, answer.json()]).toEqual([403, expect.objectContaining({ code: "FORBIDDEN" })]);
  const { errors } = await graphql(plain, 'mutation { deleteStream(streamId: ":devices:connected") }');
  expect(errors?.[0]?.extensions.code).toBe("FORBIDDEN");
  expect(await everything()).toEqual(before);
});

test("deleteStream deletes streams only, with their metadata and dedupe record", async () => {
  await redis.control.call("SET", ":stream:meta:user:1", "{}");
  const before = await everything();
  const { errors } = await graphql(gateway, 'mutation { deleteStream(streamId: "1", deviceId: "user") }');
  expect(errors?.[0]?.extensions.code).toBe("WRONG_TYPE");
  expect(await everything()).toEqual(before);

  const post = { method: "POST", body: "x" };
  await request(`${gateway.http}/data/s?dedupe=k&dedupe_from=0`, post);
  await redis.control.call("SET", ":stream:meta:default:s", "{}");
  expect(await graphql(gateway, 'mutation { deleteStream(streamId: "s", deviceId: "default") }')).toEqual({
    data: { deleteStream: { data_deleted: true, meta_deleted: true, stream_deleted: true } },
  });
  expect(await everything()).toEqual(before);
});
