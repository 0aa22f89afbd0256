/** Memory of streams that are followed and idle: every route counts them, refuses those without room, and returns all of it. */
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { clientFrame, TEXT } from "../../../support/clients/client-frames.ts";
import { rawRequest, upgradeRequest } from "../../../support/clients/raw-requests.ts";
import { startTestGateway, type TestGateway } from "../../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../../support/redis/redis.ts";
import { until } from "../../../support/until.ts";

const KIB = 1024;

let redis: TestRedis;
let gateway: TestGateway;
let sockets: Socket[];

beforeAll(async () => {
  redis = await startRedis();
});
beforeEach(async () => {
  sockets = [];
  await redis.control.call("FLUSHALL");
  // A client alone may follow streams for 256 KiB.
  gateway = await startTestGateway(redis.url, { TOTAL_ANSWER_BYTES: "2m", MEMORY_WAIT_MS: "100" });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await gateway.close();
});
afterAll(() => redis[Symbol.asyncDispose]());

/** Sends bytes. @returns a function that returns what was received, as Latin-1 */
function send(bytes: Buffer, localAddress = "127.0.0.1"): () => string {
  const { port, hostname: host } = new URL(gateway.http);
  const socket = connect({ port: Number(port), host, localAddress });
  const chunks: Buffer[] = [];
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(bytes);
  sockets.push(socket);
  return () => Buffer.concat(chunks).toString("latin1");
}

async function followedBytes(): Promise<number> {
  const page = await (await fetch(`${gateway.http}/metrics`)).text();
  return Number(/^redis_streamer_memory_bytes\{use="streams"\} (\d+)$/m.exec(page)?.[1]);
}

const names = (prefix: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`).join("+");

/** Each follows 100 streams. */
const pull = upgradeRequest(`/data/${names("s", 100)}/pull?format=json`);
const ids = names("s", 100).split("+");
const follow = `subscription{data(streamIds:{${ids.map((id) => `${id}:"$"`).join()}}){data}}`;
const query = JSON.stringify({ query: follow });

const ROUTES: Readonly<Record<string, { readonly bytes: Buffer; readonly refused: string }>> = {
  pull: { bytes: pull, refused: "OVERLOADED" },
  "a pull that plays history": {
    bytes: upgradeRequest(`/data/${names("s", 100)}/pull?format=json&start=0&rate=1`),
    refused: "OVERLOADED",
  },
  events: { bytes: rawRequest(`GET /data/${names("s", 100)}/events`), refused: "HTTP/1.1 503" },
  "a read that waits": {
    bytes: rawRequest(`GET /data/${names("s", 100)}?block=60000&last_entry_id=$`),
    refused: "HTTP/1.1 503",
  },
  "a GraphQL subscription": {
    bytes: rawRequest(
      "POST /graphql",
      ["Content-Type: application/json", "Accept: text/event-stream"],
      query,
    ),
    refused: "OVERLOADED",
  },
  "a worker": { bytes: upgradeRequest(`/data/${names("s", 100)}/work/group`), refused: "OVERLOADED" },
  "a request of a worker": {
    bytes: rawRequest(`POST /data/${names("s", 100)}/work/group/next?consumer=one&wait=60000`),
    refused: "HTTP/1.1 503",
  },
};

test.each(Object.entries(ROUTES))("%s counts its streams and returns their memory", async (_, { bytes }) => {
  send(bytes);
  await until("the streams are counted", async () => (await followedBytes()) > 99 * KIB);
  expect(await followedBytes()).toBeLessThan(120 * KIB);
  for (const socket of sockets) socket.destroy();
  await until("the memory is returned", async () => (await followedBytes()) === 0);
});

test.each(Object.entries(ROUTES))("%s is refused without room for its streams", async (_, route) => {
  send(pull);
  send(pull);
  await until("the client has its share", async () => (await followedBytes()) > 198 * KIB);
  const before = await followedBytes();
  const answer = send(route.bytes);
  await until("it is refused", () => answer().includes(route.refused));
  expect(await followedBytes()).toBe(before);
  // Another client has room, and a single stream needs none.
  send(route.bytes, "127.0.0.2");
  await until("another client follows them", async () => (await followedBytes()) > before + 99 * KIB);
  const single = send(upgradeRequest("/data/single/pull?format=json&last_entry_id=0"));
  await fetch(`${gateway.http}/data/single`, { method: "POST", body: "payload" });
  await until("a single stream is followed", () => single().includes("payload"));
});

test("channels of a viewer are counted, and those without room are reported", async () => {
  for (let i = 0; i < 200; i++) await redis.control.call("XADD", `default:s${i}`, "1-0", "d", "{}");
  const upgrade = `GET /foxglove HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: foxglove.sdk.v1\r\n\r\n`;
  const viewer = send(Buffer.from(upgrade));
  await until("the channels are advertised", () => viewer().split('"topic"').length > 200);
  const channels = [...viewer().matchAll(/"id":(\d+),"topic"/g)].map(([, id]) => Number(id));
  const subscribe = (from: number, to: number) =>
    sockets[0]?.write(
      clientFrame({
        opcode: TEXT,
        payload: Buffer.from(
          JSON.stringify({
            op: "subscribe",
            subscriptions: channels.slice(from, to).map((channelId) => ({ id: channelId, channelId })),
          }),
        ),
      }),
    );
  subscribe(0, 50);
  await until("its channels are counted", async () => (await followedBytes()) > 50 * KIB);
  // One subscription in total may exceed the share: another client's.
  send(upgradeRequest(`/data/${names("s", 300)}/pull?format=json`), "127.0.0.3");
  await until("one exceeds its share", async () => (await followedBytes()) > 349 * KIB);
  send(pull);
  await until("the client has most of its share", async () => (await followedBytes()) > 448 * KIB);
  subscribe(50, 200);
  await until("a channel is reported", () => viewer().includes("no free memory for the streams"));
});

test("a stream that joins a pattern without memory ends the subscription", async () => {
  // One subscription in total may exceed the share: another client's.
  send(upgradeRequest(`/data/${names("s", 300)}/pull?format=json`), "127.0.0.3");
  await until("one exceeds its share", async () => (await followedBytes()) > 299 * KIB);
  const other = send(pull);
  await until("the client has a part of its share", async () => (await followedBytes()) > 398 * KIB);
  const before = await followedBytes();
  const pattern = send(upgradeRequest("/data/j*/pull?format=json&joins=1"));
  await until("the pattern is followed", () => pattern().includes('"streams"'));
  for (let i = 0; i < 200; i++) await redis.control.call("XADD", `default:j${i}`, "1-0", "d", "payload");
  await until("it ends", () => pattern().includes("OVERLOADED"));
  await until("its memory is returned", async () => (await followedBytes()) === before);
  expect(other()).not.toContain("OVERLOADED");
});

test("streams that leave a pattern return their memory", async () => {
  for (let i = 0; i < 50; i++) await redis.control.call("XADD", `default:j${i}`, "1-0", "d", "payload");
  send(upgradeRequest("/data/j*/pull?format=json"));
  await until("the streams are counted", async () => (await followedBytes()) > 49 * KIB);
  for (let i = 0; i < 50; i++) {
    const query = `mutation { deleteStream(streamId: "j${i}", deviceId: "default") }`;
    await fetch(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
  }
  await until("the memory is returned", async () => (await followedBytes()) === 0);
});
