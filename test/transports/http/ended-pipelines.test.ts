/** Bytes that follow unanswered requests on a connection and are no request of it: they must not cost the client a response. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { openRaw, rawHead, statusesIn } from "../../support/clients/raw-connection.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

const MIB = 2 ** 20;
/** Time limit of a request head. */
const HANDSHAKE_MS = 500;

let redis: TestRedis;
let gateway: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { HANDSHAKE_TIMEOUT_MS: `${HANDSHAKE_MS}` });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const CLOSE = "Connection: close";
/** A request that waits for an entry of the stream `first`. */
const waits = (...headers: string[]) => rawHead("GET /data/first?block=600000", ...headers);
const health = rawHead("GET /healthz");
const upgrade = (protocol: string, ...headers: string[]) =>
  rawHead("GET /data/none/pull", "Connection: Upgrade", `Upgrade: ${protocol}`, ...headers);
const WEBSOCKET = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];

const readers = () => metricOf(gateway, "readers");
async function unsentBytesOf(kind: string): Promise<number> {
  const list = (await request(`${gateway.http}/admin/connections`)).json() as {
    readonly kind: string;
    readonly unsentBytes: number;
  }[];
  return list.find((one) => one.kind === kind)?.unsentBytes ?? 0;
}

/** Resolves when the gateway has handled the received bytes: it answered requests on other connections since. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await request(`${gateway.http}/metrics`);
    await eventLoopTurns(10);
  }
}

/** Lets the requests of `waits` end. */
const appendFirst = () => request(`${gateway.http}/data/first`, { method: "POST", body: "first" });

describe("a client receives the responses to its earlier requests, in order", () => {
  test.each<[string, string, string, number[]]>([
    ["before bytes after a request with Connection: close", waits(CLOSE), health, [200]],
    [
      "before bytes after several requests, the last with Connection: close",
      waits() + health + rawHead("GET /nothing", CLOSE),
      health,
      [200, 200, 404],
    ],
    [
      "before bytes after the body of a request with Connection: close",
      `${waits()}${rawHead("POST /data/body", CLOSE, "Content-Length: 1")}x`,
      "more",
      [200, 200],
    ],
    ["before the error of a malformed request", waits() + health, "garbage\r\n\r\n", [200, 200, 400]],
    [
      "before the error of a malformed body",
      waits() + rawHead("POST /data/body", "Transfer-Encoding: chunked"),
      "garbage\r\n",
      [200, 400],
    ],
    [
      "before the error of too large headers",
      waits(),
      rawHead("GET /", `X: ${"x".repeat(100_000)}`),
      [200, 431],
    ],
    ["before the error of a request that is not complete in time", waits(), "GET / HTTP/1.1\r\n", [200, 408]],
    [
      "before a rejected WebSocket handshake",
      waits() + health,
      upgrade("websocket", "Origin: https://evil.example", ...WEBSOCKET),
      [200, 200, 403],
    ],
    ["before an upgrade to another protocol, which is ignored", waits(), upgrade("h2c", CLOSE), [200, 426]],
  ])("%s", async (_what, requests, last, expected) => {
    const { socket, received, closed } = openRaw(gateway);
    const before = await readers();
    socket.write(requests);
    await until("the first waits", async () => (await readers()) > before);
    socket.write(last);
    if (expected.includes(408)) await sleep(2.5 * HANDSHAKE_MS);
    await settled();
    expect(received()).toBe("");
    await appendFirst();
    await closed;
    expect(statusesIn(received())).toEqual(expected);
    expect(received().split("\r\n\r\n")[1]).toMatch(/^first/);
  });
});

test("a WebSocket opens after the response to an earlier request", async () => {
  const { socket, received } = openRaw(gateway);
  socket.write(waits() + upgrade("websocket", ...WEBSOCKET));
  await until("the first waits", async () => (await readers()) === 1);
  expect(received()).toBe("");
  await appendFirst();
  await until("it is open", () => statusesIn(received()).length === 2);
  expect(statusesIn(received())).toEqual([200, 101]);
  socket.destroy();
});

test("a large response continues while a handshake waits behind it", async () => {
  // Far more than the kernel's buffers hold.
  for (let i = 0; i < 32; i++) await redis.control.call("XADD", "default:large", "*", "d", randomBytes(MIB));
  const path = "/data/large/entries?format=mcap";
  const { socket, received } = openRaw(gateway);
  socket.pause();
  socket.write(rawHead(`GET ${path}`) + upgrade("websocket", ...WEBSOCKET));
  await until("the gateway waits for the client", async () => (await unsentBytesOf("export")) > 0);
  expect(received()).toBe("");
  socket.resume();
  await until(
    "it is open",
    () => received().includes("HTTP/1.1 101"),
    undefined,
    () => received().length,
  );
  expect(received().length).toBeGreaterThan(32 * MIB);
  socket.destroy();
});

test("a reader whose connection is not read anymore is released when its client disconnects", async () => {
  const { socket, received, closed } = openRaw(gateway);
  socket.write(rawHead("GET /data/quiet/events"));
  await until("it is open", () => received().includes("HTTP/1.1 200"));
  socket.write("garbage\r\n\r\n".repeat(1000));
  socket.end();
  await until("it is released", async () => (await readers()) === 0);
  await closed;
  expect(statusesIn(received())).toEqual([200, 400]);
});
