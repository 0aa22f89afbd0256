/** `/admin/connections`: lists and closes connections. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAnswer, request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let keys: TestKeys;
beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
  gateway = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
});
afterAll(async () => {
  await gateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

interface Shown {
  readonly id: string;
  readonly kind: string;
  readonly identity: string;
  readonly address: string;
  readonly streams: string[];
}

test("lists connections by the id sent to each client, and closes one of them", async () => {
  const root = { "x-api-key": keys.add("root", ["admin"]) };
  const lab = { "x-api-key": keys.add("lab", ["read:glasses:*", "admin:glasses:*"]) };
  const url = `${gateway.http}/admin/connections`;
  await until(
    "the keys are known",
    async () => (await request(gateway.http, { headers: lab })).status === 200,
  );

  let receivedId: string | undefined;
  const connecting = connectSocket(`${gateway.ws}/data/cam+imu/pull?device_id=glasses&block=0`, lab);
  await using socket = await connecting;
  await using events = await openAnswer(`${gateway.http}/data/cam/events?device_id=glasses`, lab);
  receivedId = String(events.headers["x-connection-id"]);

  // An admin of some streams is not an admin of the gateway.
  for (const method of ["GET", "DELETE"]) {
    const answer = await request(method === "GET" ? url : `${url}/${receivedId}`, { method, headers: lab });
    expect(answer.status).toBe(403);
  }
  const list = (await request(url, { headers: root })).json() as Shown[];
  expect(list.map(({ kind, identity, address }) => ({ kind, identity, address }))).toEqual([
    { kind: "pull", identity: "key:lab", address: "127.0.0.1" },
    { kind: "events", identity: "key:lab", address: "127.0.0.1" },
  ]);
  expect(list[0]?.streams).toEqual(["glasses:cam", "glasses:imu"]);
  expect(list[1]?.id).toBe(receivedId);

  const end = (id = "") => request(`${url}/${id}`, { method: "DELETE", headers: root });
  expect((await end(list[0]?.id)).status).toBe(204);
  expect(await socket.closed).toEqual({
    code: 1008,
    reason: "CLOSED_BY_OPERATOR: an operator closed this connection",
  });
  expect((await end(receivedId)).status).toBe(204);
  let text = "";
  for (let chunk = await events.next(); chunk !== undefined; chunk = await events.next()) text += chunk;
  expect(text).toContain("CLOSED_BY_OPERATOR");
  await until(
    "both are gone",
    async () => ((await request(url, { headers: root })).json() as Shown[]).length === 0,
  );
  expect((await end(receivedId)).status).toBe(404);
});
