/** Clients that pipeline many requests, read no response and disconnect. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  for (let i = 0; i < 100; i++) await redis.control.call("XADD", "default:s", "*", "d", "x".repeat(20_000));
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const openFiles = () => readdirSync("/proc/self/fd").length;

/** Sums the values of the metrics that match a pattern. */
async function sum(pattern: RegExp): Promise<number> {
  const { text } = await request(`${gateway.http}/metrics`);
  return [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
}

const MEMORY = /^redis_streamer_memory_bytes\{use="answer"\} (\S+)$/gm;
const SESSIONS = /^redis_streamer_connections\{kind="\w+"\} (\S+)$/gm;

test.each([
  "/docs/static/swagger-ui-bundle.js",
  "/data/s?last_entry_id=0&count=100",
  "/data/s/events",
  "/metrics",
])("release all resources after the client disconnects: %s", async (path) => {
  await request(`${gateway.http}/docs/static/swagger-ui.css`);
  const files = openFiles();
  const socket = connect(Number(new URL(gateway.http).port), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(100));
  await once(socket, "connect");
  // After two responses on other connections its requests have started.
  for (let i = 0; i < 2; i++) await request(`${gateway.http}/metrics`);
  socket.resetAndDestroy();
  await once(socket, "close");
  await until(
    () => `only the files from before are open: ${files}, ${openFiles()}`,
    () => openFiles() <= files + 1,
  );
  await until("no memory is reserved", async () => Math.round(await sum(MEMORY)) <= 0);
  await until("no session is left", async () => (await sum(SESSIONS)) === 0);
});
