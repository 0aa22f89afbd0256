/** Socket deadlines: every state ends in time, whatever the client does, and the slot becomes available to another client. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Logger } from "../../../../src/domain/logger.ts";
import { clientClose, clientFrame } from "../../../support/clients/client-frames.ts";
import { request } from "../../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { createAuthority, type TestAuthority } from "../../../support/network/certificates.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

const SLOTS = 3;
const MB = 2 ** 20;
/** More than the kernel buffers of both ends hold. */
const LARGE_MB = 16;
const SHORT = {
  MAX_SOCKETS: String(SLOTS),
  HANDSHAKE_TIMEOUT_MS: "300",
  UPLOAD_TIMEOUT_MS: "600",
  IDLE_TIMEOUT_MS: "300",
  WRITE_TIMEOUT_MS: "600",
  REDIS_STREAM_MAXLEN: "0",
};

let redis: TestRedis;
let authority: TestAuthority;

beforeAll(async () => {
  redis = await startRedis();
  authority = createAuthority();
  for (let i = 0; i < LARGE_MB; i++)
    await redis.control.call("XADD", "default:large", "*", "d", Buffer.alloc(MB));
  const picture = Buffer.alloc(LARGE_MB * MB);
  picture.set([0xff, 0xd8, 0xff]);
  picture.set([0xff, 0xd9], picture.length - 2);
  await redis.control.call("XADD", "default:picture", "*", "d", picture);
});
afterAll(async () => {
  authority[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

/** Gateway and clients of one test. */
interface Stage extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly clients: Socket[];
}

async function startStage(settings: Record<string, string> = SHORT, logger?: Logger): Promise<Stage> {
  const gateway = await startTestGateway(redis.url, settings, logger);
  const clients: Socket[] = [];
  return {
    gateway,
    clients,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await gateway.close();
    },
  };
}

const portOf = ({ http }: TestGateway) => Number(new URL(http).port);
const get = (path: string, ...headers: string[]) =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n");
const post = (path: string, ...headers: string[]) => get(path, ...headers).replace("GET", "POST");
const upgrade = (path: string, ...headers: string[]) =>
  get(
    path,
    ...["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", ...headers],
  );

const openTls = (port: number): TLSSocket =>
  connectTls({
    port,
    host: "127.0.0.1",
    ca: readFileSync(authority.path),
    allowHalfOpen: true,
  } as ConnectionOptions);

/** A client that sends and then neither reads nor closes. */
function openSilent({ gateway, clients }: Stage, sent: readonly (string | Buffer)[]): void {
  const client = connect({ port: portOf(gateway), host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => undefined);
  client.pause();
  for (const bytes of sent) client.write(bytes);
  clients.push(client);
}

/** Whether all connection slots can be used at the same time. */
async function allSlotsServe({ http }: TestGateway): Promise<boolean> {
  const agents = Array.from({ length: SLOTS }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  try {
    const answers = await Promise.all(agents.map((agent) => request(`${http}/healthz`, { agent })));
    return answers.every(({ status }) => status === 200);
  } catch {
    return false;
  } finally {
    for (const agent of agents) agent.destroy();
  }
}

/** Request whose response has about 22 MB. */
const QUERY = '{"query":"{ streams { lastEntryData } }"}';

const STATES: readonly [string, ...(string | Buffer)[]][] = [
  ["sends nothing"],
  ["sends half a head", "GET /data/x HTTP/1.1\r\nHost: localhost\r\nX: "],
  ["sends garbage", "garbage\r\n\r\n"],
  ["sends an oversized head", get("/healthz", `X: ${"x".repeat(70_000)}`)],
  ["sends a TLS hello to the plain port", Buffer.from("16030100c8010000c40303", "hex")],
  ["stops within a body", post("/data/x", "Content-Length: 100"), "x"],
  ["stops within a chunked body", post("/data/x", "Transfer-Encoding: chunked"), "5\r\nab"],
  ["has an idle connection", get("/healthz")],
  ["sends half a second head", get("/healthz"), "GET /he"],
  ["received its last answer", get("/healthz", "Connection: close")],
  ["received a 404", get("/nothing", "Connection: close")],
  ["sends a body over the limit", post("/login", "Transfer-Encoding: chunked"), `fffff\r\n${"x".repeat(MB)}`],
  ["announces a body over the limit", post("/login", "Content-Length: 1000000000"), "x"],
  ["is denied an upgrade (host)", upgrade("/data/x/pull").replace("localhost", "evil.example")],
  ["is denied an upgrade (path)", upgrade("/nothing")],
  ["is denied an upgrade (version)", upgrade("/data/x/pull").replace("Version: 13", "Version: 8")],
  ["offers another protocol", get("/healthz", "Upgrade: h2c", "Connection: Upgrade")],
  ["breaks the WebSocket protocol", upgrade("/data/x/pull"), Buffer.from([0xff, 0xff, 0, 0])],
  ["sent a close frame", upgrade("/data/x/pull"), clientClose(1000)],
  ["does not read a large answer", get("/data/large?last_entry_id=0&count=100")],
  ["does not read a large last answer", get("/data/large?last_entry_id=0&count=100", "Connection: close")],
  ["does not read several answers", get("/data/large?last_entry_id=0&count=100").repeat(3)],
  ["does not read events", get("/data/large/events?last_entry_id=0")],
  ["does not read pictures", get("/data/picture/mjpeg")],
  ["does not read a pull", upgrade("/data/large/pull?last_entry_id=0")],
  ["does not read an on-demand pull", upgrade("/data/large/pull?last_entry_id=0&max_fps=1&count=100")],
  [
    "does not read a pull, but sends pings",
    upgrade("/data/large/pull?last_entry_id=0"),
    ...Array.from({ length: 50 }, () => clientFrame({ opcode: 9 })),
  ],
  [
    "does not read a GraphQL answer",
    post("/graphql", "Content-Type: application/json", `Content-Length: ${QUERY.length}`),
    QUERY,
  ],
  [
    "does not read GraphQL events",
    post(
      "/graphql",
      "Content-Type: application/json",
      "Accept: text/event-stream",
      `Content-Length: ${QUERY.length}`,
    ),
    QUERY,
  ],
];

describe.concurrent("a client that then neither reads nor closes", () => {
  test.each(STATES)("and %s", async (_what, ...sent) => {
    await using stage = await startStage();
    for (let i = 0; i < SLOTS; i++) openSilent(stage, sent);
    await until("the slots serve others", () => allSlotsServe(stage.gateway));
  });

  test("and was sent a close frame", async () => {
    await using stage = await startStage();
    for (let i = 0; i < SLOTS; i++) openSilent(stage, [upgrade("/data/x/pull?count=zz")]);
    await until("the slots serve others", () => allSlotsServe(stage.gateway));
  });
});

describe.concurrent("over TLS, a client that then neither reads nor closes", () => {
  const withTls = (settings: Record<string, string> = {}) => {
    const { cert, key } = authority.issue("deadlines");
    return startStage({ ...SHORT, ...settings, TLS_CERT: cert, TLS_KEY: key });
  };
  const isServed = async ({ gateway, clients }: Stage) =>
    new Promise<boolean>((resolve) => {
      const others = Array.from({ length: SLOTS }, () => openTls(portOf(gateway)));
      clients.push(...others);
      const end = (isEverySlot: boolean) => {
        for (const other of others) other.destroy();
        resolve(isEverySlot);
      };
      let answered = 0;
      for (const other of others) {
        other.on("error", () => end(false));
        // The gateway ends a connection with a FIN. A half-open socket does not close by itself then.
        other.on("end", () => end(false));
        other.on("close", () => end(false));
        other.once("data", () => ++answered === SLOTS && end(true));
        other.write(get("/healthz"));
      }
    });

  test.each<[string, readonly (string | Buffer)[]]>([
    ["sends nothing", []],
    ["sends half a hello", [Buffer.from("16030100c8010000c40303", "hex")]],
    ["sends plain HTTP", [get("/healthz")]],
  ])("and %s", async (_what, sent) => {
    await using stage = await withTls();
    for (let i = 0; i < SLOTS; i++) openSilent(stage, sent);
    await until("the slots serve others", () => isServed(stage));
  });

  test.each([
    ["sends nothing after the handshake", ""],
    ["sends half a head", "GET /data/x HTTP/1.1\r\nHost: localhost\r\nX: "],
    ["sends garbage", "garbage\r\n\r\n"],
    ["is denied an upgrade", upgrade("/nothing")],
    ["does not read a large answer", get("/data/large?last_entry_id=0&count=100")],
    ["does not read a pull", upgrade("/data/large/pull?last_entry_id=0")],
  ])("and %s", async (_what, sent) => {
    await using stage = await withTls();
    for (let i = 0; i < SLOTS; i++) {
      const client = openTls(portOf(stage.gateway));
      client.on("error", () => undefined);
      client.pause();
      if (sent !== "") client.write(sent);
      stage.clients.push(client);
    }
    await until("the slots serve others", () => isServed(stage));
  });

  test("but resets a connection whose reads are paused", async () => {
    await using stage = await withTls({ HANDSHAKE_TIMEOUT_MS: "60000" });
    await Promise.all(
      Array.from({ length: SLOTS }, async () => {
        const below = connect(portOf(stage.gateway), "127.0.0.1");
        const client = connectTls({ socket: below, ca: readFileSync(authority.path) });
        for (const socket of [below, client]) socket.on("error", () => undefined);
        stage.clients.push(below);
        // One that is answered, one that waits, and more than the gateway starts behind it.
        client.write(get("/healthz") + get("/data/none?block=600000").repeat(20));
        await once(client, "data");
        below.resetAndDestroy();
      }),
    );
    await until("the slots serve others", () => isServed(stage));
  });
});

describe("write progress", () => {
  test("is counted and logged if a client stops reading", async () => {
    const lines: string[] = [];
    const log = (_facts: object, text: string) => void lines.push(text);
    const logger = { debug: () => undefined, info: () => undefined, warn: log, error: log };
    await using stage = await startStage({ ...SHORT, MAX_SOCKETS: "100" }, logger);
    for (let i = 0; i < SLOTS; i++) openSilent(stage, [get("/data/large?last_entry_id=0&count=100")]);
    const metrics = `${stage.gateway.http}/metrics`;
    await until("it is counted", async () =>
      (await request(metrics)).text.includes(`limits_hit_total{limit="write_time"} ${SLOTS}\n`),
    );
    expect(lines.filter((line) => line.includes("whose client does not read")).length).toBe(1);
  });

  test("of a slow reader keeps its connection, although the kernel accepts no bytes for longer than the timeout", async () => {
    await using stage = await startStage({ ...SHORT, WRITE_TIMEOUT_MS: "4000" });
    const client = connect(portOf(stage.gateway), "127.0.0.1");
    stage.clients.push(client);
    client.write(get("/data/large?last_entry_id=0&count=100"));
    // A full send buffer of 4 MB accepts no bytes until a third of it is free: about every 6 s at 200 KB/s. The client's kernel
    // reports free space in steps of about 400 KB, every 2 s. The timeout is in the middle, so that a machine that stalls for a
    // second, which the client then makes up for, does not look like a client that has stopped.
    const bytesPerMs = 200;
    const start = performance.now();
    let received = 0;
    for await (const chunk of client) {
      received += (chunk as Buffer).length;
      if (received > 3 * MB) break;
      const aheadMs = start + received / bytesPerMs - performance.now();
      if (aheadMs > 0) await new Promise((resolve) => setTimeout(resolve, aheadMs));
    }
    expect(received).toBeGreaterThan(3 * MB);
    expect((await request(`${stage.gateway.http}/metrics`)).text).toContain('{limit="write_time"} 0');
  }, 60_000);
});
