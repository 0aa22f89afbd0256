/** Clients that end their side of the connection together with their handshake: the gateway ends it, too. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { upgradeRequest } from "../../support/clients/raw-requests.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

test.each([
  ["/data/s/pull", undefined],
  ["/data/s/push", undefined],
  ["/data/s/work/g", undefined],
  ["/graphql", "graphql-transport-ws"],
  ["/foxglove", "foxglove.sdk.v1"],
])("%s", async (path, protocol) => {
  const socket = connect(Number(new URL(gateway.http).port), "127.0.0.1");
  socket.resume().end(upgradeRequest(path, protocol));
  await once(socket, "close");
  await until("its connection is closed", async () => (await metricOf(gateway, "websockets")) === 0);
  expect(socket.errored).toBeNull();
});
