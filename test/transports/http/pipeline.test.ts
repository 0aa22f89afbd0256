/** Pipelining: clients that send many requests on one connection without waiting for responses (RFC 9112, section 9.3.2). */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { MAX_PARSED, MAX_PIPELINED, Pipelines } from "../../../src/transports/http/pipeline.ts";
import { openAnswer, request } from "../../support/clients/http.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { eventLoopTurns, until } from "../../support/until.ts";

/** One request that waits for an entry, and the pipelined ones. */
const OPEN_AT_ONCE = 1 + MAX_PIPELINED;

const { redis, gateway } = await openOwnGateway({ MAX_MESSAGE_BYTES: "1000000", IDLE_TIMEOUT_MS: "1000" });

interface Client {
  readonly socket: Socket;
  received(): string;
}

function open(): Client {
  const socket = connect(Number(new URL(gateway.http).port), "127.0.0.1");
  socket.on("error", () => undefined);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  return { socket, received: () => received };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;
const lengthOf = async (stream: string): Promise<number> =>
  Number(await redis.control.call("XLEN", `default:${stream}`));
const numbers = Array.from({ length: 200 }, (_, i) => i);

/** Resolves when the gateway has handled the received bytes: it answered requests on other connections since. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await request(`${gateway.http}/metrics`);
    await eventLoopTurns(10);
  }
}

test("receives all responses in the order of the requests", async () => {
  const { socket, received } = open();
  socket.write(numbers.map((i) => get(`/nothing/${i}`)).join(""));
  await until("all are answered", () => count(received(), /HTTP\/1\.1 404/g) === 200);
  const order = [...received().matchAll(/there is nothing at \/nothing\/(\d+)/g)].map(([, i]) => Number(i));
  expect(order).toEqual(numbers);
  socket.destroy();
});

test("runs a limited number of requests at a time, and the others afterwards", async () => {
  const { socket, received } = open();
  socket.write(get("/data/first?block=600000") + numbers.map((i) => post("/data/rest", `${i}`)).join(""));
  await until("some are handled", async () => (await lengthOf("rest")) === OPEN_AT_ONCE - 1);
  await settled();
  expect(await lengthOf("rest")).toBe(OPEN_AT_ONCE - 1);
  expect(received()).toBe("");
  await request(`${gateway.http}/data/first`, { method: "POST", body: "x" });
  await until("all are answered", () => count(received(), /HTTP\/1\.1 200/g) === 201);
  expect(await lengthOf("rest")).toBe(200);
  socket.destroy();
});

test("pauses reads of the connection while requests wait, and resumes them", async () => {
  const { socket, received } = open();
  const body = "x".repeat(100_000);
  const sent = post("/data/large", body).repeat(200);
  socket.write(get("/data/second?block=600000"));
  socket.write(sent);
  await until("some are handled", async () => (await lengthOf("large")) === OPEN_AT_ONCE - 1);
  await settled();
  // The kernel buffers hold far less than 20 MB.
  expect(socket.writableLength).toBeGreaterThan(0);
  expect(await lengthOf("large")).toBe(OPEN_AT_ONCE - 1);
  await request(`${gateway.http}/data/second`, { method: "POST", body: "x" });
  await until("all are answered", () => count(received(), /HTTP\/1\.1 200/g) === 201);
  socket.write(get("/healthz"));
  await until("a later request is answered", () => received().includes('{"status":"ok"'));
  socket.destroy();
});

test("drops waiting requests when the connection closes", async () => {
  const { socket } = open();
  socket.write(get("/data/third?block=600000") + numbers.map((i) => post("/data/left", `${i}`)).join(""));
  await until("some are handled", async () => (await lengthOf("left")) === OPEN_AT_ONCE - 1);
  socket.resetAndDestroy();
  await using events = await openAnswer(`${gateway.http}/data/third/events`);
  expect(events.status).toBe(200);
  await settled();
  expect(await lengthOf("left")).toBe(OPEN_AT_ONCE - 1);
});

test("keeps reads paused while responses are written, until the waiting requests ran", async () => {
  let unanswered = 0;
  let max = 0;
  const pipelines = new Pipelines(
    (_request, response) => void setImmediate(() => response.end(Buffer.from("x"))),
  );
  const server = createServer((incoming, response) => {
    max = Math.max(max, ++unanswered);
    response.once("close", () => unanswered--);
    pipelines.handle(incoming, response);
  });
  server.on("upgrade", (incoming, stopped: Socket, head) => {
    expect(pipelines.keepRest(server, incoming, stopped, head)).toBe(true);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const socket = connect(typeof address === "object" ? (address?.port ?? 0) : 0, "127.0.0.1");
  let answered = 0;
  socket.on("data", (chunk) => {
    answered += count(chunk.toString("latin1"), /HTTP\/1\.1/g);
  });
  socket.write(get("/").repeat(20_000));
  await until("most are answered", () => answered > 19_000);
  socket.destroy();
  server.close();
  expect(max).toBe(1 + MAX_PIPELINED + MAX_PARSED);
});

/** More requests than are parsed at once. */
const MANY = 3 * MAX_PARSED;

test("answers all requests of a client that sends them and half-closes the connection", async () => {
  const { socket, received } = open();
  socket.end(get("/healthz").repeat(MANY));
  await once(socket, "close");
  expect(count(received(), /HTTP\/1\.1 200/g)).toBe(MANY);
});

test("answers in order when the requests have bodies of every kind", async () => {
  const { socket, received } = open();
  const chunked = (stream: string, body: string) =>
    `POST /data/${stream} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const kinds = [
    (i: number) => chunked("bodies", `chunked ${i}`),
    (i: number) => post("/data/bodies", `whole ${i}`),
    (i: number) => get(`/nothing/${i}`),
  ];
  socket.write(Array.from({ length: MANY }, (_, i) => kinds[i % kinds.length]?.(i)).join(""));
  await until("all are answered", () => count(received(), /HTTP\/1\.1 \d/g) === MANY);
  const statuses = [...received().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  expect(statuses).toEqual(Array.from({ length: MANY }, (_, i) => (i % 3 === 2 ? "404" : "200")));
  expect(await lengthOf("bodies")).toBe((2 * MANY) / 3);
  socket.destroy();
});

test("continues responses that are larger than the buffers while the parser is stopped", async () => {
  const path = "/docs/static/swagger-ui.css";
  const { text } = await request(`${gateway.http}${path}`);
  const { socket, received } = open();
  socket.write(get(path).repeat(MANY) + get("/healthz"));
  await until("the last request is answered", () => received().includes('{"status":"ok"'));
  expect(received().length).toBeGreaterThan(MANY * text.length);
  socket.destroy();
});

test("releases the responses of a client that vanishes while the parser is stopped", async () => {
  await settled();
  const files = () => readdirSync("/proc/self/fd").length;
  const before = files();
  const clients = Array.from({ length: 10 }, open);
  for (const { socket } of clients) {
    socket.pause();
    socket.write(get("/docs/static/swagger-ui-bundle.js").repeat(MANY));
  }
  await until("files are open", () => files() > before + 20);
  for (const { socket } of clients) socket.destroy();
  await until("all are closed", () => files() <= before);
});

test("opens a WebSocket behind requests that wait", async () => {
  const { socket, received } = open();
  const handshake = `GET /data/none/pull HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  socket.write(get("/healthz").repeat(1 + MAX_PIPELINED + MAX_PARSED) + handshake);
  await until("it is open", () => received().includes("HTTP/1.1 101"));
  expect(count(received(), /HTTP\/1\.1 200/g)).toBe(1 + MAX_PIPELINED + MAX_PARSED);
  socket.destroy();
});

test("ends after a response that closes the connection, behind more requests than are parsed at once", async () => {
  const { socket, received } = open();
  const last = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  socket.write(get("/healthz").repeat(MANY) + last);
  await once(socket, "close");
  expect(count(received(), /HTTP\/1\.1 200/g)).toBe(MANY + 1);
});

test("keeps a connection open between requests after it was handed back", async () => {
  const { socket, received } = open();
  socket.write(get("/healthz").repeat(MANY));
  await until("all are answered", () => count(received(), /HTTP\/1\.1 200/g) === MANY);
  // Longer than the idle timeout of the gateway.
  socket.write(get("/data/none?block=1500"));
  await until("it is answered", () => count(received(), /HTTP\/1\.1 \d/g) === MANY + 1);
  expect(received()).not.toContain("HTTP/1.1 408");
  socket.destroy();
});

test("closes connections when too many requests of all connections wait, but none of another address", async () => {
  const { port } = new URL(gateway.http);
  const ended = { small: 0, large: 0 };
  const connections = Array.from({ length: 400 }, (_, i) => {
    const size = i === 0 ? "small" : "large";
    const socket = connect({
      port: Number(port),
      host: "127.0.0.1",
      localAddress: size === "small" ? "127.0.0.2" : `127.0.1.${i % 20}`,
    });
    socket.on("error", () => undefined).on("close", () => ended[size]++);
    // The gateway parses some of them and keeps the rest of what it has read.
    socket.write(
      "GET /data/none?block=60000 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(size === "small" ? 50 : 1200),
    );
    return socket;
  });
  await until("connections are closed", () => ended.large > 0);
  await settled();
  expect(ended.small).toBe(0);
  const { text } = await request(`${gateway.http}/metrics`);
  expect(text).toMatch(/^redis_streamer_limits_hit_total\{limit="waiting_requests"\} [1-9]/m);
  for (const socket of connections) socket.destroy();
});
