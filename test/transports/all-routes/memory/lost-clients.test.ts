/**
 * Clients that reset their connection, or do not read, while the gateway does not read it either: it must notice, return
 * their memory and serve others. Over real sockets, with waits that are longer than the tests.
 */
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BINARY, clientFrame, TEXT } from "../../../support/clients/client-frames.ts";
import { rawRequest, upgradeRequest } from "../../../support/clients/raw-requests.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** A local address that counts as another client than 127.0.0.1. */
const OTHER = "127.0.0.2";
/** Time (ms) in which memory is returned, on a busy machine. A single wait of the gateway is longer. */
const SOON_MS = 20_000;
const LONG_MS = "600000";
const PIPELINED = 12;
const ENTRY_BYTES = 512 * KIB;
const ENTRIES = 40;

let redis: TestRedis;
let gateway: TestGateway;
let sockets: Socket[];

beforeAll(async () => {
  redis = await startRedis();
  await using filling = await startTestGateway(redis.url);
  const body = new Uint8Array(ENTRY_BYTES).fill(97);
  for (let i = 0; i < ENTRIES; i++) await fetch(`${filling.http}/data/big`, { method: "POST", body });
});
beforeEach(async () => {
  sockets = [];
  gateway = await startTestGateway(redis.url, { MEMORY_WAIT_MS: LONG_MS, UPLOAD_TIMEOUT_MS: LONG_MS });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await gateway.close();
});
afterAll(() => redis[Symbol.asyncDispose]());

function open(localAddress = "127.0.0.1"): Socket {
  const { port, hostname: host } = new URL(gateway.http);
  const socket = connect({ port: Number(port), host, localAddress });
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

const JSON_TYPE = "Content-Type: application/json";
const graphql = (query: string, ...headers: readonly string[]): Buffer =>
  rawRequest("POST /graphql", [JSON_TYPE, ...headers], JSON.stringify({ query }));
const json = (value: unknown): Buffer =>
  clientFrame({ opcode: TEXT, payload: Buffer.from(JSON.stringify(value)) });
const times = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => bytes));
const aliases = (count: number, field: string): string =>
  `{${Array.from({ length: count }, (_, i) => `a${i}:${field}`).join(" ")}}`;

const QUERY = '{stream(id:"big"){entries(first:4){nodes{string}}}}';
const FOLLOW = 'subscription{data(streamIds:{big:"0"},count:4){data}}';

async function metrics(): Promise<string> {
  return (await fetch(`${gateway.http}/metrics`)).text();
}

/** Returns the gauges of memory by use, as the metrics show them. */
async function memory(): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics()).matchAll(/^redis_streamer_memory_bytes\{use="(\w+)"\} (\S+)$/gm);
  return new Map([...lines].map(([, use = "", value]) => [use, Number(value)]));
}

const held = async (): Promise<number> =>
  [...(await memory()).values()].reduce((sum, bytes) => sum + bytes, 0);

const waits = async (use: string): Promise<number> =>
  Number(new RegExp(`memory_waits_total\\{use="${use}"\\} (\\d+)`).exec(await metrics())?.[1]);

/** Resolves with the status of a large read of another client. */
async function readOfAnother(count: number): Promise<string> {
  const socket = open(OTHER);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => socket.once("close", resolve));
  socket.write(rawRequest(`GET /data/big?last_entry_id=0&count=${count}&block=0`, ["Connection: close"]));
  await ended;
  expect(Buffer.concat(chunks).length).toBeGreaterThan(count * ENTRY_BYTES);
  return Buffer.concat(chunks).toString("latin1", 9, 12);
}

async function expectAllReturned(): Promise<void> {
  await until("all memory is returned", async () => (await held()) === 0, SOON_MS);
  expect(await readOfAnother(8)).toBe("200");
}

describe("a client that resets a connection whose reads are paused", () => {
  /** Requests behind one that waits for an entry: those that run hold memory until it is answered. */
  const pipelined: Readonly<Record<string, Buffer>> = {
    "GET of large pages": rawRequest("GET /data/big?last_entry_id=0&count=4&block=0"),
    "history as JSON": rawRequest("GET /data/big/entries?count=4&format=json"),
    "POST of large bodies": rawRequest("POST /data/posted", [], Buffer.alloc(256 * KIB)),
    "GraphQL queries": graphql(QUERY),
    "GraphQL subscriptions as events": graphql(FOLLOW, "Accept: text/event-stream"),
    events: rawRequest("GET /data/big/events?last_entry_id=0&format=base64"),
  };

  test.each(Object.entries(pipelined))(
    "releases the memory of pipelined requests: %s",
    async (_name, one) => {
      const clients = Array.from({ length: 4 }, () => open());
      for (const client of clients) {
        client.write(rawRequest(`GET /data/none?block=${LONG_MS}`));
        client.write(times(PIPELINED, one));
      }
      await until("memory is held", async () => (await held()) >= 4 * 256 * KIB);
      for (const client of clients) client.resetAndDestroy();
      await expectAllReturned();
    },
  );

  test("releases the memory of pipelined queries that wait for memory", async () => {
    const query = graphql(aliases(90, 'streams(match:"default:big"){lastEntryString firstEntryString}'));
    const clients = Array.from({ length: 4 }, () => open());
    for (const client of clients) client.write(times(PIPELINED, query));
    await until("queries wait", async () => (await waits("graphql")) >= 10);
    for (const client of clients) client.resetAndDestroy();
    await expectAllReturned();
  });

  test("releases the memory of queries as events that wait for memory", async () => {
    const field = 'streams(match:"default:big"){lastEntryString firstEntryString}';
    const clients = Array.from({ length: 12 }, () => open());
    for (const client of clients)
      client.pause().write(graphql(aliases(90, field), "Accept: text/event-stream"));
    await until("queries wait", async () => (await waits("graphql")) >= 6);
    for (const client of clients) client.resetAndDestroy();
    await expectAllReturned();
  });

  const uploads: Readonly<Record<"body" | "message", readonly [begin: Buffer, rest: Buffer]>> = {
    body: [rawRequest("POST /data/u", [], Buffer.alloc(40 * MIB)), Buffer.alloc(0)],
    message: [
      upgradeRequest("/data/u/push?header=0"),
      clientFrame({ opcode: BINARY, payload: Buffer.alloc(40 * MIB) }),
    ],
  };

  test.each(["body", "message"] as const)("releases the memory of an upload that waits: %s", async (use) => {
    // The other kind makes progress until the end of the test, and leaves no memory for more of its client.
    const [first, second] = uploads[use === "body" ? "message" : "body"];
    const endless = Buffer.concat([first, second]);
    const holder = open();
    let sent = 30 * MIB;
    holder.write(endless.subarray(0, sent));
    const sending = setInterval(() => {
      holder.write(endless.subarray(sent, sent + 64 * KIB));
      sent += 64 * KIB;
    }, 200);
    try {
      await until("it holds memory", async () => (await held()) >= 30 * MIB);
      const clients = Array.from({ length: 4 }, () => open());
      for (const client of clients) client.write(Buffer.concat(uploads[use]).subarray(0, 8 * MIB));
      // One may be the item over the limits, which does not wait.
      await until("all but one wait", async () => (await waits(use)) >= clients.length - 1);
      for (const client of clients) client.resetAndDestroy();
      await until("their memory is returned", async () => (await memory()).get(use) === 0, SOON_MS);
    } finally {
      clearInterval(sending);
    }
    holder.resetAndDestroy();
    await expectAllReturned();
  });
});

describe("a client that closes its side of a connection whose reads are paused", () => {
  const WAITING = rawRequest(`GET /data/none?block=${LONG_MS}`);

  beforeEach(async () => {
    await gateway.close();
    // Looks at the kernel's table more often, too.
    gateway = await startTestGateway(redis.url, { HANDSHAKE_TIMEOUT_MS: "400" });
  });

  const readers = async (): Promise<number> =>
    Number(/^redis_streamer_readers (\d+)$/m.exec(await metrics())?.[1]);

  test("ends the waits of its requests, if it is gone", async () => {
    const client = open();
    client.write(times(20, WAITING));
    await until("requests wait", async () => (await readers()) > 1);
    client.destroy();
    await until("none waits", async () => (await readers()) === 0, SOON_MS);
  });

  test("ends the waits of its requests, and receives all responses, if it still reads", async () => {
    const client = open();
    let received = "";
    client.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
    });
    client.write(times(20, WAITING));
    await until("requests wait", async () => (await readers()) > 1);
    client.end();
    await until("all are answered", () => received.split("HTTP/1.1 ").length === 21, SOON_MS);
  });
});

describe("a client that resets a connection with unread bytes", () => {
  const kinds: Readonly<Record<string, Buffer>> = {
    "GET of a large page": rawRequest("GET /data/big?last_entry_id=0&count=30&block=0&format=json"),
    events: rawRequest("GET /data/big/events?last_entry_id=0&format=base64"),
    pull: upgradeRequest("/data/big/pull?last_entry_id=0"),
    GraphQL: graphql('{stream(id:"big"){entries(first:30){nodes{string}}}}'),
    "GraphQL over WebSocket": Buffer.concat([
      upgradeRequest("/graphql", "graphql-transport-ws"),
      json({ type: "connection_init" }),
      ...[1, 2, 3].map((id) =>
        json({ type: "subscribe", id: `${id}`, payload: { query: QUERY.replace("4", "30") } }),
      ),
    ]),
  };

  test.each(Object.entries(kinds))("releases all memory: %s", async (_name, bytes) => {
    const clients = Array.from({ length: 6 }, () => open());
    for (const client of clients) client.pause().write(bytes);
    await until("memory is held", async () => (await held()) > MIB);
    for (const client of clients) client.resetAndDestroy();
    await expectAllReturned();
  });
});

describe("large requests behind one that waits for an entry", () => {
  const LARGE_BODY = Buffer.alloc(40 * MIB, 98);
  const kinds: Readonly<Record<string, Buffer>> = {
    GET: rawRequest("GET /data/big?last_entry_id=0&count=30&block=0&format=json"),
    POST: rawRequest("POST /data/posted", [], LARGE_BODY),
    GraphQL: graphql('{stream(id:"big"){entries(first:28){nodes{string}}}}'),
  };

  test.each(Object.entries(kinds))(
    "leave memory for large requests of another client: %s",
    async (_name, one) => {
      const client = open();
      client.write(Buffer.concat([rawRequest(`GET /data/none?block=${LONG_MS}`), one, one]));
      await until("one has begun", async () => {
        const waiting = [...(await metrics()).matchAll(/memory_waits_total\{use="\w+"\} (\d+)/g)];
        return (await held()) > 5 * MIB || waiting.some(([, count]) => count !== "0");
      });
      const other = open(OTHER);
      let received = "";
      other.on("data", (chunk: Buffer) => {
        received = (received + chunk.toString("latin1")).slice(0, 100);
      });
      other.write(one);
      await until("the other client is answered", () => received !== "", SOON_MS);
      expect(received).toMatch(/^HTTP\/1\.1 200 /);
      // The first request is answered, and then those behind it.
      let answers = 0;
      client.on("data", (chunk: Buffer) => {
        answers += chunk.toString("latin1").split("HTTP/1.1 200 ").length - 1;
      });
      other.destroy();
      await fetch(`${gateway.http}/data/none`, { method: "POST", body: "x" });
      await until("all are answered", () => answers === 3, SOON_MS);
    },
  );
});

describe("a client that pipelines large queries and does not read", () => {
  const query = graphql(aliases(90, 'streams(match:"default:big"){lastEntryString firstEntryString}'));

  test("holds its share and one response, and leaves memory for large reads of another", async () => {
    const once = open(OTHER);
    let resultBytes = 0;
    once.on("data", (chunk: Buffer) => {
      resultBytes += chunk.length;
    });
    once.end(query);
    await new Promise((resolve) => once.once("close", resolve));
    await until("its memory is returned", async () => (await held()) === 0);
    for (let i = 0; i < 10; i++) open().pause().write(times(5, query));
    let before = -1;
    await until("its responses are complete", async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const now = await held();
      const isSettled = now > resultBytes && now === before;
      before = now;
      return isSettled;
    });
    // `CLIENT_MEMORY_PERCENT` of `TOTAL_ANSWER_BYTES`, as the default settings have it.
    expect(before).toBeLessThan(32 * MIB + resultBytes + MIB);
    expect(await readOfAnother(8)).toBe("200");
  });
});
