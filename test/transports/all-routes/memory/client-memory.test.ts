/** Memory limits against hostile and slow clients, over real sockets, with small budgets. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BINARY, clientFrame } from "../../../support/clients/client-frames.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
/** A local address that counts as another client than 127.0.0.1. */
const OTHER = "127.0.0.2";

const recordings = mkdtempSync(join(tmpdir(), "client-memory-"));

const SETTINGS = {
  RECORDINGS_DIR: recordings,
  TOTAL_RECEIVE_BYTES: "32m",
  TOTAL_ANSWER_BYTES: "32m",
  MAX_ANSWER_BYTES: "4m",
  MEMORY_WAIT_MS: "300",
};

/** Creates many consumer groups with long names, and many pending entries. KEYS: the stream. */
const GROUPS = `local long = string.rep('n', 900)
redis.call('XGROUP', 'CREATE', KEYS[1], 'pending', '0', 'MKSTREAM')
for i = 1, 4000 do
  redis.call('XGROUP', 'CREATE', KEYS[1], i .. long, '$')
  redis.call('XADD', KEYS[1], i .. '-0', 'd', '')
end
redis.call('XREADGROUP', 'GROUP', 'pending', long, 'COUNT', 4000, 'STREAMS', KEYS[1], '>')`;

/** A recording of many streams with long names, which is over. The list of many is larger than the buffers of a connection. */
const RECORDING = {
  ...{ version: 1, state: "stopped", reason: "request", error: null },
  ...{ started: "2026-01-01T00:00:00Z", ended: "2026-01-01T00:00:01Z" },
  ...{ owner: { name: "anyone", grants: [] }, startCursors: {}, files: [] },
  request: { streams: ["*"], exclude: [], prefix: "", from: "$", compression: "zstd" },
  streams: Array.from({ length: 100 }, (_, i) => `default:${i}${"n".repeat(900)}`),
};

let redis: TestRedis;
let gateway: TestGateway;
let sockets: Socket[];

beforeAll(async () => {
  redis = await startRedis();
  await using filling = await startTestGateway(redis.url);
  // More than the kernel buffers of a connection hold.
  const body = new Uint8Array(MIB / 4).fill(97);
  for (let i = 0; i < 64; i++) await fetch(`${filling.http}/data/big`, { method: "POST", body });
  for (let i = 0; i < 600; i++)
    writeFileSync(join(recordings, `large-${i}.json`), JSON.stringify({ ...RECORDING, name: `large-${i}` }));
  await redis.control.call("EVAL", GROUPS, 1, "default:grouped");
});
beforeEach(async () => {
  sockets = [];
  gateway = await startTestGateway(redis.url, SETTINGS);
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await gateway.close();
});
afterAll(async () => {
  rmSync(recordings, { recursive: true });
  await redis[Symbol.asyncDispose]();
});

/** A connection that the test reads and writes itself. */
interface RawClient {
  readonly socket: Socket;
  /** The received bytes, as Latin-1. */
  text(): string;
}

function open(isReading: boolean, localAddress = "127.0.0.1"): RawClient {
  const { port, hostname: host } = new URL(gateway.http);
  const socket = connect({ port: Number(port), host, localAddress });
  const chunks: Buffer[] = [];
  socket.on("error", () => undefined);
  if (isReading) socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  else socket.pause();
  sockets.push(socket);
  return { socket, text: () => Buffer.concat(chunks).toString("latin1") };
}

/** Sends a request. @param body its full length is announced, even if only a part is sent */
function send(client: RawClient, line: string, headers: readonly string[], body?: Buffer): void {
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  client.socket.write(
    ["", ...headers, ...length].reduce(
      (all, one) => (one === "" ? all : `${all}${one}\r\n`),
      `${line} HTTP/1.1\r\nHost: localhost\r\n`,
    ),
  );
  client.socket.write("\r\n");
  if (body !== undefined) client.socket.write(body);
}

const UPGRADE = [
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/** Memory by use, waits and rejections, as the metrics show them. */
async function metric(name: string): Promise<ReadonlyMap<string, number>> {
  const page = await (await fetch(`${gateway.http}/metrics`)).text();
  const lines = page.matchAll(new RegExp(`^redis_streamer_memory_${name}\\{use="(\\w+)"\\} (\\d+)$`, "gm"));
  return new Map([...lines].map(([, use = "", value]) => [use, Number(value)]));
}

async function held(): Promise<number> {
  return [...(await metric("bytes")).values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Whether a request or message has waited for memory. */
const hasWaited = async () => [...(await metric("waits_total")).values()].some((waits) => waits > 0);

const statusOf = (client: RawClient): string => client.text().slice(9, 12);

describe("unread responses", () => {
  const QUERY = Buffer.from(
    JSON.stringify({ query: '{stream(id:"big"){entries(first:32){nodes{string data}}}}' }),
  );
  const kinds: Readonly<Record<string, (client: RawClient) => void>> = {
    "GET with a large count": (client) =>
      send(client, "GET /data/big?last_entry_id=0&count=10000&block=0&format=msgpack", []),
    history: (client) => send(client, "GET /data/big/entries?count=10000&format=msgpack", []),
    GraphQL: (client) => send(client, "POST /graphql", ["Content-Type: application/json"], QUERY),
    "pull with max_fps": (client) =>
      send(client, "GET /data/big/pull?last_entry_id=0&count=10000&max_fps=1", UPGRADE),
    "pull without acks": (client) =>
      send(client, "GET /data/big/pull?last_entry_id=0&count=10000&ack=1", UPGRADE),
    "list of groups": (client) => send(client, "GET /data/grouped/work", []),
    "list of pending entries": (client) =>
      send(client, "GET /data/grouped/work/pending/pending?count=10000", []),
    "list of recordings": (client) => send(client, "GET /recordings", []),
    "pull of everything": (client) => send(client, "GET /data/big/pull?last_entry_id=0", UPGRADE),
    events: (client) => send(client, "GET /data/big/events?last_entry_id=0&format=base64", []),
    "GraphQL subscription as events": (client) =>
      send(
        client,
        "POST /graphql",
        ["Content-Type: application/json", "Accept: text/event-stream"],
        Buffer.from(JSON.stringify({ query: 'subscription{data(streamIds:{big:"0"},count:1000){data}}' })),
      ),
  };

  /** Readers share the frames of these, so that 40 of them stay below the budget. The others wait for memory. */
  const shared: readonly string[] = ["pull of everything", "events"];

  test.each(Object.entries(kinds))("%s: stay within the budget, and others are served", async (name, ask) => {
    // The first read of a stream is admitted by an estimate of its entries; the bound below applies to known ones.
    await fetch(`${gateway.http}/data/big?last_entry_id=0&count=1&block=0`);
    for (let i = 0; i < 40; i++) ask(open(false));
    let max = 0;
    const seen = async () => {
      max = Math.max(max, await held());
      return max > 256 * KIB && (shared.includes(name) || (await hasWaited()));
    };
    await until("memory is held", seen);
    for (let i = 0; i < 20; i++) await seen();
    // The share plus one item: a GraphQL response with its strings and copies.
    expect(max).toBeLessThan(16 * MIB + 5 * 4 * MIB + MIB);
    const other = open(true, OTHER);
    send(other, "GET /data/big?last_entry_id=0&count=1&block=0", ["Connection: close"]);
    await until("another client is answered", () => statusOf(other) !== "");
    expect(statusOf(other)).toBe("200");
    for (const socket of sockets) socket.destroy();
    await until("all memory is returned", async () => (await held()) === 0);
  });

  test("responds with 503 and Retry-After without memory for a request", async () => {
    for (let i = 0; i < 10; i++) kinds["GET with a large count"]?.(open(false));
    const late = open(true);
    await until("a request waits", hasWaited);
    kinds["GET with a large count"]?.(late);
    await until("it is answered", () => statusOf(late) !== "");
    expect(late.text()).toMatch(/^HTTP\/1.1 503 /);
    expect(late.text()).toMatch(/\r\nretry-after: 2\r\n/);
    expect(late.text()).toContain('"code":"OVERLOADED"');
  });

  test("returns an error without memory for a GraphQL operation", async () => {
    for (let i = 0; i < 10; i++) kinds["GET with a large count"]?.(open(false));
    await until("a request waits", hasWaited);
    const late = open(true);
    kinds.GraphQL?.(late);
    await until("it is answered", () => late.text().includes("OVERLOADED"));
    expect(late.text()).toMatch(/^HTTP\/1.1 200 /);
  });

  test.each([
    [
      "fields",
      `{${Array.from({ length: 90 }, (_, i) => `a${i}:stream(id:"big"){length groups error}`)}}`,
      360,
    ],
    [
      "streams",
      `{streams(ids:${JSON.stringify(Array.from({ length: 500 }, (_, i) => `none-${i}`))}){groups}}`,
      1000,
    ],
  ])("counts the %s of a GraphQL operation while it waits for Redis", async (_name, query, kib) => {
    await gateway.close();
    // The gateway no longer waits for Redis after 1.5 times the first and then the second.
    const waits = { REDIS_SILENCE_MS: "4000", REDIS_WAIT_MS: "300" };
    gateway = await startTestGateway(redis.url, { ...SETTINGS, ...waits });
    redis.freeze();
    try {
      const client = open(false);
      send(
        client,
        "POST /graphql",
        ["Content-Type: application/json"],
        Buffer.from(JSON.stringify({ query })),
      );
      await until(
        "its memory is counted",
        async () => ((await metric("bytes")).get("graphql") ?? 0) >= kib * KIB,
      );
      client.socket.destroy();
      await until("it is returned", async () => (await held()) === 0);
    } finally {
      redis.thaw();
    }
  });
});

describe("a client that uses as much memory as it can, from many addresses", () => {
  const addresses = Array.from({ length: 12 }, (_, i) => `127.0.1.${i + 1}`);

  function takeAll(): void {
    for (const address of addresses)
      for (let i = 0; i < 3; i++)
        send(open(false, address), "GET /data/big?last_entry_id=0&count=10000&block=0&format=json", []);
  }

  test("leaves memory for small requests of other clients, which are answered immediately", async () => {
    await fetch(`${gateway.http}/data/little`, { method: "POST", body: "1" });
    takeAll();
    await until("requests wait", async () => ((await metric("waits_total")).get("answer") ?? 0) > 10);
    // The write timeout is a minute, so the following requests do not depend on it.
    const other = open(true, OTHER);
    send(other, "GET /data/little?last_entry_id=0&block=0", []);
    await until("a read is answered", () => other.text().includes("HTTP/1.1 200"));
    send(other, "POST /data/little", [], Buffer.alloc(KIB));
    await until("an append is acknowledged", () => other.text().split("HTTP/1.1 200").length === 3);
    const query = JSON.stringify({ query: '{stream(id:"little"){entries(last:1){nodes{string}}}}' });
    send(other, "POST /graphql", ["Content-Type: application/json"], Buffer.from(query));
    await until("a query is answered", () => other.text().split("HTTP/1.1 200").length === 4);
    expect(other.text()).not.toContain("OVERLOADED");
  });

  test("loses connections without progress while other clients wait", async () => {
    await gateway.close();
    gateway = await startTestGateway(redis.url, { ...SETTINGS, MEMORY_WAIT_MS: "60000" });
    takeAll();
    const closed = /^redis_streamer_limits_hit_total\{limit="write_time"\} [1-9]/m;
    await until("a connection is closed", async () =>
      closed.test(await (await fetch(`${gateway.http}/metrics`)).text()),
    );
  });
});

describe("endless uploads", () => {
  const body = Buffer.alloc(4 * MIB, 98);

  test("bodies stay within the budget and receive 503, while bodies of other clients are stored", async () => {
    const clients = Array.from({ length: 20 }, () => open(true));
    for (const client of clients) {
      client.socket.write(
        `POST /data/u HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      client.socket.write(body.subarray(1));
    }
    await until("some are rejected", () => clients.some((client) => statusOf(client) === "503"));
    expect(await held()).toBeLessThan(16 * MIB + 4 * MIB + 20 * 64 * KIB);
    const other = open(true, OTHER);
    send(other, "POST /data/other", ["Connection: close"], body.subarray(0, 2 * MIB));
    await until("another client is answered", () => statusOf(other) !== "");
    expect(statusOf(other)).toBe("200");
    for (const socket of sockets) socket.destroy();
    await until("all memory is returned", async () => (await held()) === 0);
  });

  test("WebSocket messages stay within the budget and are closed with 1013, while messages of other clients are stored", async () => {
    const frame = clientFrame({ opcode: BINARY, payload: body });
    const clients = Array.from({ length: 20 }, () => open(true));
    for (const client of clients) {
      send(client, "GET /data/u/push?header=0&ack=1", UPGRADE);
      client.socket.write(frame.subarray(0, frame.length - 1));
    }
    const closed = Buffer.from([0x03, 0xf5]).toString("latin1");
    await until("some are closed", () =>
      clients.some((client) => client.text().includes(`${closed}OVERLOADED`)),
    );
    expect(await held()).toBeLessThan(16 * MIB + 4 * MIB + 20 * 64 * KIB);
    const other = open(true, OTHER);
    send(other, "GET /data/other/push?header=0&ack=1", UPGRADE);
    other.socket.write(clientFrame({ opcode: BINARY, payload: body.subarray(0, 2 * MIB) }));
    await until("another client's message is acknowledged", () => /\["\d+-\d+"\]/.test(other.text()));
    for (const socket of sockets) socket.destroy();
    await until("all memory is returned", async () => (await held()) === 0);
  });

  test("stores one message of the maximum size, even over the share and the total", async () => {
    const large = Buffer.alloc(60 * MIB, 99);
    const client = open(true);
    send(client, "GET /data/large/push?header=0&ack=1", UPGRADE);
    client.socket.write(clientFrame({ opcode: BINARY, payload: large }));
    await until("it is acknowledged", () => /\["\d+-\d+"\]/.test(client.text()));
    const answer = await fetch(`${gateway.http}/data/large?latest=1&last_entry_id=0`);
    expect((await answer.arrayBuffer()).byteLength).toBe(large.length);
    await until("all memory is returned", async () => (await held()) === 0);
  });
});

describe("large uploads of which nothing arrives", () => {
  const MAX_BYTES = 60 * MIB;
  const kinds = {
    body: (client: RawClient) =>
      client.socket.write(
        `POST /data/u HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${MAX_BYTES}\r\n\r\na`,
      ),
    message(client: RawClient) {
      send(client, "GET /data/u/push?header=0", UPGRADE);
      client.socket.write(clientFrame({ opcode: BINARY, payload: Buffer.alloc(MAX_BYTES) }).subarray(0, 100));
    },
  };

  test.each(Object.entries(kinds))("reserve little: %s", async (use, begin) => {
    for (let i = 0; i < 4; i++) begin(open(true));
    await until("all have begun", async () => ((await metric("bytes")).get(use) ?? 0) >= 4);
    expect(await held()).toBeLessThan(8 * MIB);
    const large = open(true, OTHER);
    send(large, "POST /data/large", [], Buffer.alloc(MAX_BYTES));
    await until("a large body of another client is stored", () => statusOf(large) === "200");
  });
});

describe("large uploads that stall", () => {
  const bytes = 8 * MIB;

  function stall(kind: "body" | "message", address: string): RawClient {
    const client = open(true, address);
    if (kind === "body") {
      client.socket.write(`POST /data/u HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bytes}\r\n\r\n`);
      client.socket.write(Buffer.alloc(bytes - 1));
    } else {
      send(client, "GET /data/u/push?header=0", UPGRADE);
      const frame = clientFrame({ opcode: BINARY, payload: Buffer.alloc(bytes) });
      client.socket.write(frame.subarray(0, frame.length - 1));
    }
    return client;
  }

  // Neither the memory wait nor the upload timeout ends within the test.
  test.each(["body", "message"] as const)("are ended while others wait for memory: %s", async (kind) => {
    await gateway.close();
    gateway = await startTestGateway(redis.url, { ...SETTINGS, MEMORY_WAIT_MS: "600000" });
    const clients = Array.from({ length: 8 }, (_, i) => stall(kind, `127.0.1.${i + 1}`));
    await until("some wait", async () => ((await metric("waits_total")).get(kind) ?? 0) > 0);
    await until("one is ended", () => clients.some((client) => client.text().includes("OVERLOADED")));
    const page = await (await fetch(`${gateway.http}/metrics`)).text();
    expect(page).toMatch(/^redis_streamer_limits_hit_total\{limit="upload_time"\} [1-9]/m);
  });
});
