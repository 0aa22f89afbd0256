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
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly unsentBytes: number;
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

test("shows how much each connection has transferred, and which client does not read", async () => {
  await using open = await startTestGateway(redis.url);
  const shown = async () =>
    new Map(
      ((await request(`${open.http}/admin/connections`)).json() as Shown[]).map((one) => [
        one.streams[0],
        one,
      ]),
    );
  await using pusher = await connectSocket(`${open.ws}/data/big/push?header=0&ack=1`);
  await using reader = await openAnswer(`${open.http}/data/big/events`);
  await using socket = await connectSocket(`${open.ws}/data/other/pull`);
  reader.pause();
  const before = await shown();
  const payload = Buffer.alloc(8 * 1024 * 1024, 97);
  pusher.send(payload);
  await pusher.next();
  await until("bytes that wait", async () => ((await shown()).get("default:big")?.unsentBytes ?? 0) > 0);
  const list = (await request(`${open.http}/admin/connections`)).json() as Shown[];
  const of = (kind: string) => list.find((one) => one.kind === kind);
  expect(of("push")?.receivedBytes).toBeGreaterThan(payload.length);
  expect(of("push")?.unsentBytes).toBe(0);
  expect(of("events")?.unsentBytes).toBeGreaterThan(0);
  // The kernel has the rest.
  expect(of("events")?.sentBytes).toBeLessThan(payload.length);
  expect(of("pull")).toMatchObject({ unsentBytes: 0, sentBytes: before.get("default:other")?.sentBytes });
  expect(socket).toBeDefined();
});
