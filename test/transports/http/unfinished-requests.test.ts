/** Requests that end early: half-closed by the client, rejected within the body, or in progress when the gateway stops. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRaw, request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const MB = 2 ** 20;
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

const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n");

interface Client {
  readonly socket: Socket;
  /** All received bytes, after the server ended the connection. @throws Error if it was reset */
  readonly received: Promise<Buffer>;
}

function open({ http }: TestGateway): Client {
  const socket = connect({ port: Number(new URL(http).port), host: "127.0.0.1", allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const received = new Promise<Buffer>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("end", () => {
      socket.end();
      resolve(Buffer.concat(chunks));
    });
  });
  // The test awaits it later.
  received.catch(() => undefined);
  return { socket, received };
}

/** Starts an upload of 3 bytes; resolves when the gateway has received its head. */
async function beginUpload(gateway: TestGateway, path: string): Promise<Client> {
  const client = open(gateway);
  client.socket.write(head(`POST ${path}`, "Content-Length: 3", "Expect: 100-continue"));
  const [interim] = await once(client.socket, "data");
  expect(String(interim)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  client.socket.write("a");
  const received = client.received.then((bytes) => bytes.subarray(interim.length));
  received.catch(() => undefined);
  return { socket: client.socket, received };
}

const parsed = async ({ received }: Client) => parseRaw((await received).toString("latin1"));
const readers = async ({ http }: TestGateway) =>
  /^redis_streamer_readers (\d+)$/m.exec((await request(`${http}/metrics`)).text)?.[1];

describe("a client that half-closes after the request (nc -N)", () => {
  test("receives the response to a POST and to a GET", async () => {
    await using gateway = await startTestGateway(redis.url);
    const post = open(gateway);
    post.socket.end(`${head("POST /data/half", "Content-Length: 3")}abc`);
    expect(await parsed(post)).toMatchObject({ status: 200, body: expect.stringMatching(/^\["\d+-\d+"\]$/) });
    const get = open(gateway);
    get.socket.end(head("GET /data/half?last_entry_id=0"));
    expect(await parsed(get)).toMatchObject({ status: 200, body: "abc" });
  });

  test("ends a wait for entries, because the client may have disconnected", async () => {
    await using gateway = await startTestGateway(redis.url);
    const clients = ["events", "mjpeg", ""].map((way) => ({ ...open(gateway), way }));
    for (const { socket, way } of clients) socket.write(head(`GET /data/quiet/${way}?block=600000`));
    await until("all wait", async () => (await readers(gateway)) === "3");
    for (const { socket } of clients) socket.end();
    await until("none waits", async () => (await readers(gateway)) === "0");
    for (const { received } of clients) expect(String(await received)).toMatch(/^HTTP\/1.1 200 /);
  });

  test("receives the whole file of an export and of a recording", async () => {
    const directory = mkdtempSync(join(tmpdir(), "half-closed-"));
    try {
      await using gateway = await startTestGateway(redis.url, { RECORDINGS_DIR: directory });
      await request(`${gateway.http}/data/filed`, { method: "POST", body: randomBytes(MB) });
      const body = JSON.stringify({ name: "half", streams: ["filed"], from: "0" });
      const headers = { "content-type": "application/json" };
      const started = await request(`${gateway.http}/recordings`, { method: "POST", headers, body });
      expect(started.status, started.text).toBe(201);
      await request(`${gateway.http}/recordings/half/stop`, { method: "POST" });
      for (const path of ["/data/filed/entries?format=mcap", "/recordings/half.mcap"]) {
        const client = open(gateway);
        client.socket.end(head(`GET ${path}`));
        const received = await client.received;
        // The magic bytes of MCAP begin and end the file.
        expect(received.length, path).toBeGreaterThan(MB);
        expect(received.subarray(-64).includes(Buffer.from("\x89MCAP0\r\n", "latin1")), path).toBe(true);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("within a body receives a 400", async () => {
    await using gateway = await startTestGateway(redis.url);
    const client = open(gateway);
    client.socket.end(`${head("POST /data/half", "Content-Length: 3")}a`);
    expect((await parsed(client)).status).toBe(400);
  });
});

describe("a body that is rejected before it is complete", () => {
  const body = Buffer.alloc(8 * MB);
  const chunked = Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from("\r\n0\r\n\r\n"),
  ]);
  const length = `Content-Length: ${body.length}`;
  const chunks = "Transfer-Encoding: chunked";

  test.each<[string, number, string, Buffer]>([
    ["over the limit", 413, head("POST /data/x", length), body],
    ["over the limit, chunked", 413, head("POST /data/x", chunks), chunked],
    ["without a route", 404, head("POST /nothing", length), body],
    ["without a route, chunked", 404, head("POST /nothing", chunks), chunked],
    ["of a foreign page", 403, head("POST /data/x", chunks, "Origin: https://evil.example"), chunked],
    ["that is not HTTP", 400, head("POST /data/x", chunks), body],
  ])(
    "%s: a client that sends all of it before it reads receives the answer",
    async (_what, status, first, rest) => {
      await using gateway = await startTestGateway(redis.url, { MAX_MESSAGE_BYTES: "1m" });
      const client = open(gateway);
      client.socket.pause();
      client.socket.write(first);
      await new Promise<void>((resolve, reject) => {
        client.socket.once("error", reject);
        client.socket.write(rest, () => resolve());
      });
      client.socket.resume();
      client.socket.end();
      expect((await parsed(client)).status).toBe(status);
    },
  );

  test("with a key that is revoked meanwhile: 401, and nothing is stored", async () => {
    const key = keys.add("leaving", ["admin"]);
    await using gateway = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
    const authorization = `Authorization: Bearer ${key}`;
    const clients = [
      [authorization, "Content-Length: 100"],
      [authorization, chunks],
    ].map((headers) => {
      const client = open(gateway);
      client.socket.write(`${head("POST /data/revoked", ...headers)}5\r\n`);
      return client;
    });
    const isIn = async () =>
      (await request(gateway.http, { headers: { authorization: `Bearer ${key}` } })).status;
    expect(await isIn()).toBe(200);
    keys.revoke("leaving");
    for (const client of clients) {
      const answer = await parsed(client);
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, "UNAUTHENTICATED"]);
    }
    expect(await redis.control.call("EXISTS", "default:revoked")).toBe(0);
  });
});

describe("a client that waits for 100 Continue before it sends the body", () => {
  const expectation = "Expect: 100-continue";

  test.each<[string, number, string, string[]]>([
    ["without a key", 401, "POST /data/waits", ["Content-Length: 3"]],
    ["without a key, chunked", 401, "POST /graphql", ["Transfer-Encoding: chunked"]],
    ["with too large a body", 413, "POST /data/waits", [`Content-Length: ${2 * MB}`, "KEY"]],
    ["without a route", 404, "POST /nothing", ["Content-Length: 3", "KEY"]],
  ])("%s receives the answer and no 100", async (_what, status, line, headers) => {
    const key = `Authorization: Bearer ${keys.add(`waits-${status}`, ["admin"])}`;
    const env = { AUTH: "1", AUTH_KEYS_FILE: keys.path, MAX_MESSAGE_BYTES: "1m" };
    await using gateway = await startTestGateway(redis.url, env);
    const client = open(gateway);
    client.socket.write(head(line, expectation, ...headers.map((one) => (one === "KEY" ? key : one))));
    // The connection closes, because the next bytes may or may not be the body.
    expect(await parsed(client)).toMatchObject({ status, headers: { connection: "close" } });
  });

  test("and is permitted receives 100, then the response, on a connection that stays open", async () => {
    await using gateway = await startTestGateway(redis.url);
    const client = await beginUpload(gateway, "/data/waits");
    client.socket.write(`bc${head("GET /data/waits?last_entry_id=0", "Connection: close")}`);
    const text = String(await client.received);
    expect([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["200", "200"]);
    expect(text).toMatch(/\r\n\r\nabc$/);
  });

  test("for a request without a body keeps its connection", async () => {
    await using gateway = await startTestGateway(redis.url);
    const client = open(gateway);
    client.socket.write(head("GET /healthz", expectation) + head("GET /healthz", "Connection: close"));
    expect(String(await client.received).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });
});

describe("a gateway that stops", () => {
  const isClosing = async ({ http }: TestGateway) =>
    until("it takes no connections", () =>
      request(http).then(
        () => false,
        () => true,
      ),
    );

  test("receives uploads completely and answers them", async () => {
    await using gateway = await startTestGateway(redis.url, { SHUTDOWN_MS: "60000" });
    const client = await beginUpload(gateway, "/data/stopping");
    const closed = gateway.close();
    await isClosing(gateway);
    client.socket.write("bc");
    expect(await parsed(client)).toMatchObject({
      status: 200,
      body: expect.stringMatching(/^\["\d+-\d+"\]$/),
    });
    await closed;
    expect(await redis.control.call("XLEN", "default:stopping")).toBe(1);
  });

  test("answers an upload that is not complete in time with 503", async () => {
    await using gateway = await startTestGateway(redis.url, { SHUTDOWN_MS: "1600" });
    const client = await beginUpload(gateway, "/data/late");
    await gateway.close();
    const answer = await parsed(client);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([503, "SHUTTING_DOWN"]);
    expect(answer.headers).toMatchObject({ connection: "close", "retry-after": "1" });
    expect(await redis.control.call("EXISTS", "default:late")).toBe(0);
  });

  test("answers a request with a partial head with 503", async () => {
    await using gateway = await startTestGateway(redis.url, { SHUTDOWN_MS: "60000" });
    const [upload, late] = [await beginUpload(gateway, "/data/held"), open(gateway)];
    late.socket.write("GET /healthz HTTP/1.1\r\nHost: local");
    await request(gateway.http);
    const closed = gateway.close();
    await isClosing(gateway);
    late.socket.write("host\r\n\r\n");
    const answer = await parsed(late);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([503, "SHUTTING_DOWN"]);
    upload.socket.write("bc");
    expect((await parsed(upload)).status).toBe(200);
    await closed;
  });

  test("sends large responses completely", async () => {
    await redis.control.call("XADD", "default:download", "*", "d", Buffer.alloc(16 * MB));
    await using gateway = await startTestGateway(redis.url, { SHUTDOWN_MS: "60000" });
    const client = open(gateway);
    client.socket.pause();
    client.socket.write(head("GET /data/download?last_entry_id=0"));
    await until("it is written", async () =>
      /entries_out_total\{class="\w+"\} 1$/m.test((await request(`${gateway.http}/metrics`)).text),
    );
    const closed = gateway.close();
    await isClosing(gateway);
    client.socket.resume();
    expect((await parsed(client)).body.length).toBe(16 * MB);
    await closed;
  });
});
