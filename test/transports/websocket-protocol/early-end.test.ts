/**
 * Clients that end their side of the connection together with their handshake: the gateway ends its side, too. Verifying a token takes so
 * long that the end arrives before the handshake is accepted.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { upgradeRequest } from "../../support/clients/raw-requests.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { guardedBy, tokenFor } from "../../support/gateway/tokens.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";

let redis: TestRedis;
let keys: TestKeys;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
  gateway = await startTestGateway(redis.url, guardedBy(keys));
});
afterAll(async () => {
  await gateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

test.each([
  ["/data/s/pull", ""],
  ["/data/s/push", ""],
  ["/data/s/work/g", ""],
  ["/graphql", "graphql-transport-ws, "],
  ["/foxglove", "foxglove.sdk.v1, "],
])("%s", async (path, protocol) => {
  const socket = connect(Number(new URL(gateway.http).port), "127.0.0.1");
  let received = "";
  socket.setEncoding("latin1").on("data", (text) => {
    received += text;
  });
  const token = await tokenFor(["*:*"]);
  socket.end(upgradeRequest(path, `${protocol}bearer.${token}`));
  await once(socket, "close");
  expect(received).toMatch(/^HTTP\/1\.1 101 /);
});
