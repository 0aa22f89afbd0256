/** Limits of one client, and that clients over a limit do not affect others. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../../src/access/limits/limits.ts";
import { ERRORS } from "../../../src/domain/errors.ts";
import { SETTINGS } from "../../../src/settings.ts";
import { openAnswer, parseRaw, rawExchange, request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let keys: TestKeys;
beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
});
afterAll(async () => {
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

const gatewayWith = (env: Record<string, string>) => startTestGateway(redis.url, env);
const portOf = ({ http }: TestGateway) => Number(new URL(http).port);
const hits = (gateway: TestGateway, limit: string) => metricOf(gateway, `limits_hit_total{limit="${limit}"}`);
const statusOf = (gateway: TestGateway, path: string, headers: Record<string, string> = {}) =>
  connectSocket(gateway.ws + path, headers).then(
    () => "open",
    (error: Error) => /response: (\d+)/.exec(error.message)?.[1],
  );

describe("connections", () => {
  test("of one address are limited, and a closed one frees its slot", async () => {
    await using gateway = await gatewayWith({ MAX_SOCKETS_PER_ADDRESS: "2" });
    const first = await connectSocket(`${gateway.ws}/data/a/pull`);
    const second = await openAnswer(`${gateway.http}/data/a/events`);
    expect(await statusOf(gateway, "/data/a/push")).toBe("429");
    for (const route of ["events", "mjpeg"]) {
      const answer = await request(`${gateway.http}/data/a/${route}`);
      expect(answer.status).toBe(429);
      expect(answer.headers["retry-after"]).toBe("1");
      expect(answer.json()).toEqual({
        error: "127.0.0.1 has reached its limit of 2 connections",
        code: "TOO_MANY_CONNECTIONS",
      });
    }
    expect((await request(`${gateway.http}/data/a?block=0`)).status).toBe(200);
    expect(await hits(gateway, "sockets_per_address")).toBe(3);
    second.leave();
    await until("there is room", async () => (await statusOf(gateway, "/data/a/pull")) === "open");
    first.close();
  });

  test("of one identity are limited across addresses", async () => {
    await using gateway = await gatewayWith({
      AUTH: "1",
      AUTH_KEYS_FILE: keys.path,
      MAX_SOCKETS_PER_IDENTITY: "1",
    });
    const [one, other] = [keys.add("one", ["read"]), keys.add("other", ["read"])].map((key) => ({
      "x-api-key": key,
    }));
    await until(
      "the keys are known",
      async () => (await request(gateway.http, { headers: other ?? {} })).status === 200,
    );
    expect(await statusOf(gateway, "/data/a/pull", one)).toBe("open");
    expect(await statusOf(gateway, "/data/a/pull", one)).toBe("429");
    expect(await statusOf(gateway, "/data/a/pull", other)).toBe("open");
  });

  test("of all clients are limited: excess ones are closed, and others continue", async () => {
    await using gateway = await gatewayWith({ MAX_SOCKETS: "2" });
    await using reader = await connectSocket(`${gateway.ws}/data/all/pull?header=0`);
    const idle = connect(portOf(gateway), "127.0.0.1");
    await once(idle, "connect");
    const other = connect(portOf(gateway), "127.0.0.1");
    // The gateway accepts connections over several handles, so that the second one may be accepted first.
    await Promise.race([closeOf(idle), closeOf(other)]);
    await redis.control.call("XADD", "default:all", "*", "d", "still here");
    expect(await reader.text()).toBe("still here");
    idle.destroy();
    other.destroy();
    await until("there is room", async () => (await hits(gateway, "sockets").catch(() => 0)) >= 1);
  });
});

describe("rates", () => {
  test("pauses a socket over the message rate without loss", async () => {
    await using gateway = await gatewayWith({ MAX_MESSAGES_PER_SECOND: "100" });
    await using push = await connectSocket(`${gateway.ws}/data/rate/push?header=0&ack=1`);
    const from = performance.now();
    for (let i = 0; i < 150; i++) push.send(Buffer.from(String(i)));
    for (let i = 0; i < 150; i++) await push.next();
    push.send(Buffer.from("late"));
    await push.next();
    // 100 at once; the other 50 put the bucket half a second into debt.
    expect(performance.now() - from).toBeGreaterThan(400);
    expect(await redis.control.call("XLEN", "default:rate")).toBe(151);
    await until("room for a request", async () => (await hits(gateway, "messages_per_second")) > 0);
  });

  test("answers HTTP over the byte rate with 429 and Retry-After, for that address only", async () => {
    await using gateway = await gatewayWith({ MAX_BYTES_PER_SECOND: "1000", TRUST_PROXY: "loopback" });
    const post = (address: string) =>
      request(`${gateway.http}/data/bytes`, {
        method: "POST",
        // Far more than refills before the next request.
        body: Buffer.alloc(100_000),
        headers: { "x-forwarded-for": address },
      });
    expect((await post("10.0.0.1")).status).toBe(200);
    const answer = await post("10.0.0.1");
    expect(answer.status).toBe(429);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    expect(answer.text).toContain("TOO_MANY_REQUESTS");
    expect((await post("10.0.0.2")).status).toBe(200);
  });

  test("limits the streams of one identity; known streams stay writable", async () => {
    await using gateway = await gatewayWith({ MAX_STREAMS_PER_IDENTITY: "2" });
    const post = async (stream: string) =>
      (await request(`${gateway.http}/data/${stream}`, { method: "POST", body: "x" })).status;
    expect([await post("s1"), await post("s2"), await post("s3"), await post("s1")]).toEqual([
      200, 200, 429, 200,
    ]);
    await using push = await connectSocket(`${gateway.ws}/data/s1/push`);
    push.send('[["s4", 1]]');
    push.send(Buffer.from("x"));
    expect(await push.closed).toMatchObject({
      code: 1008,
      reason: expect.stringContaining("TOO_MANY_STREAMS"),
    });
    expect(await redis.control.call("EXISTS", "default:s3", "default:s4")).toBe(0);
    expect(await hits(gateway, "streams_per_identity")).toBe(2);
  });
});

describe("time and size", () => {
  test("answers a header that does not arrive with 408", async () => {
    await using gateway = await gatewayWith({ HANDSHAKE_TIMEOUT_MS: "200" });
    const answer = parseRaw(
      await rawExchange(portOf(gateway), "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "),
    );
    expect(answer.status).toBe(408);
    expect(answer.body).toContain("REQUEST_TIMEOUT");
    // The metrics request is under the same time limit.
    await until("it is counted", async () => (await hits(gateway, "handshake_time")) >= 1);
  });

  test("answers a body that does not arrive with 408", async () => {
    await using gateway = await gatewayWith({ UPLOAD_TIMEOUT_MS: "200" });
    const head = "POST /data/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n";
    // A length over the body limit would be rejected at once, so announce a smaller one.
    const answer = parseRaw(await rawExchange(portOf(gateway), `${head.replace("1000000000", "1000")}x`));
    expect(answer.status).toBe(408);
    expect(parseRaw(await rawExchange(portOf(gateway), head)).status).toBe(413);
  });

  test("closes a socket whose WebSocket message does not arrive", async () => {
    await using gateway = await gatewayWith({ UPLOAD_TIMEOUT_MS: "500", PING_INTERVAL_MS: "100" });
    const { socket } = await rawPush(gateway);
    const gone = closeOf(socket);
    socket.write(frameHead(0x82, 10_000_000));
    const dripping = setInterval(() => socket.write(Buffer.alloc(2000)), 10);
    await gone;
    clearInterval(dripping);
    expect(await hits(gateway, "upload_time")).toBe(1);
  });

  test("answers a header over the limit with 431", async () => {
    await using gateway = await gatewayWith({ MAX_HEADER_BYTES: "2k" });
    const answer = await request(gateway.http, { headers: { "x-large": "x".repeat(3000) } });
    expect(answer.status).toBe(431);
    expect(answer.text).toContain("HEADERS_TOO_LARGE");
    expect(await hits(gateway, "header_bytes")).toBe(1);
  });

  test("rejects a huge declared length before its bytes arrive", async () => {
    await using gateway = await gatewayWith({});
    const { socket, next } = await rawPush(gateway);
    socket.write(frameHead(0x82, 2 ** 40));
    const close = await next();
    expect(close[0]).toBe(0x88);
    expect(close.readUInt16BE(2)).toBe(1009);
    expect(await hits(gateway, "message_bytes")).toBe(1);
    socket.destroy();
  });

  test("rejects a compressed message, because no extension was negotiated", async () => {
    await using gateway = await gatewayWith({});
    const { socket, next } = await rawPush(gateway, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    // RSV1 marks the payload as compressed (RFC 7692, section 6).
    socket.write(Buffer.concat([frameHead(0x82 | 0x40, 4), Buffer.alloc(4)]));
    expect((await next()).readUInt16BE(2)).toBe(1002);
    socket.destroy();
    const bomb = await request(`${gateway.http}/data/bomb`, {
      method: "POST",
      headers: { "content-encoding": "gzip" },
      body: Buffer.alloc(100),
    });
    expect(bomb.status).toBe(415);
  });

  test("uses no memory for endless pings of a client that reads nothing", async () => {
    await using gateway = await gatewayWith({});
    const { socket } = await rawPush(gateway);
    socket.pause();
    const pings = Buffer.concat(
      Array.from({ length: 1000 }, () => Buffer.concat([frameHead(0x89, 125), Buffer.alloc(125)])),
    );
    for (let i = 0; i < 300; i++) {
      if (!socket.write(pings))
        await Promise.race([once(socket, "drain"), new Promise((r) => setTimeout(r, 50))]);
    }
    await until("the pings arrived", async () => (await metricOf(gateway, "send_buffer_bytes")) >= 0);
    expect(await metricOf(gateway, "send_buffer_bytes")).toBeLessThan(512 * 1024);
    socket.destroy();
  });
});

/** Resolves when a socket has closed, also after a write error, for which `once` would reject. */
function closeOf(socket: Socket): Promise<void> {
  socket.on("error", () => undefined);
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** The first bytes of a frame, masked with zeros (RFC 6455, section 5.2). */
function frameHead(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, 0x80 | length, 0, 0, 0, 0]);
  const head = Buffer.alloc(14);
  head[0] = first;
  head[1] = 0xff;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/** A raw WebSocket connection for pushing. */
async function rawPush(
  gateway: TestGateway,
  more = "",
): Promise<{ socket: Socket; next(): Promise<Buffer> }> {
  const socket = connect(portOf(gateway), "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    `GET /data/raw/push?header=0&ack=1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`,
  );
  const next = async () => (await once(socket, "data"))[0] as Buffer;
  const [head] = String(await next()).split("\r\n");
  expect(head).toContain("101");
  return { socket, next };
}

test("docs list each limit by its name, and only existing settings", () => {
  const handbook = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");
  for (const limit of LIMITS) expect(handbook).toContain(`| \`${limit}\` |`);
  // Error codes look like settings.
  const known = new Set([...Object.values(SETTINGS).map(({ env }) => env as string), ...Object.keys(ERRORS)]);
  for (const [, name = ""] of handbook.matchAll(
    /`((?:MAX|TLS|JWT|AUTH|REDIS|TRUST|PATH|OTEL|ALLOWED)_[A-Z_]+)/g,
  ))
    expect(known).toContain(name);
});
