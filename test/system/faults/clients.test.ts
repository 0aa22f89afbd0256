/** Late, slow and vanished clients do not affect other clients. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway/gateway-process.ts";
import { startPusher, startReader } from "../../support/gateway/load.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
beforeEach(async () => {
  redis = await startRedis();
});
afterEach(() => redis[Symbol.asyncDispose]());

const start = (env: Record<string, string> = {}) =>
  startGatewayProcess({ env: { REDIS_URL: redis.url, ...env } });
const add = (key: string, id: string, data: string) =>
  redis.control.call("XADD", `default:${key}`, id, "d", data);

/** A raw WebSocket connection that can stop in the middle of a frame. */
async function openRaw({ http }: GatewayProcess, path: string): Promise<Socket> {
  const { host, hostname, port } = new URL(http);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  const key = randomBytes(16).toString("base64");
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const [first] = await new Promise<Buffer[]>((resolve) =>
    socket.once("data", (...chunks) => resolve(chunks)),
  );
  expect(first?.toString("latin1")).toMatch(/^HTTP\/1\.1 101 /);
  return socket;
}

/** Header of a masked frame. The zero mask leaves the payload unchanged (RFC 6455, section 5.2). */
function frameHead(opcode: number, length: number): Buffer {
  const head = Buffer.alloc(14);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

test("serves a trimmed cursor from the first stored entry and counts the gap", async () => {
  await using gateway = await start();
  for (let i = 1; i <= 20; i++) await add("s", `${i}-0`, String(i));
  await redis.control.call("XTRIM", "default:s", "MINID", "11");
  const left = Array.from({ length: 10 }, (_, i) => ({ id: `${i + 11}-0`, text: String(i + 11) }));
  let gaps = 0;
  for (const way of ["json", "header", "acked", "max-fps", "events"] as const) {
    await using reader = await startReader(gateway.ws, "s", way, "5-0");
    await until(`${way} has all entries`, () => reader.entries.length >= left.length);
    expect(reader.entries).toEqual(left);
    expect(await gateway.metric("gaps_total")).toBe(++gaps);
  }
  const answer = await request(`${gateway.http}/data/s?last_entry_id=5-0&count=10&format=json`);
  expect(answer.json()).toEqual(left.map(({ id, text }) => ["s", id, text]));
  expect(await gateway.metric("gaps_total")).toBe(++gaps);
  // A cursor at the last trimmed entry, or at the beginning, has no gap.
  for (const cursor of ["11-0", "0"]) await request(`${gateway.http}/data/s?last_entry_id=${cursor}`);
  expect(await gateway.metric("gaps_total")).toBe(gaps);
});

test("stores only complete messages of a client that vanishes in the middle of a message", async () => {
  await using gateway = await start();
  await using healthy = await connectSocket(`${gateway.ws}/data/healthy/push?header=0&ack=1`);
  const whole = Buffer.from("whole");
  const frame = Buffer.concat([frameHead(2, whole.length), whole]);

  const inPayload = await openRaw(gateway, "/data/a/push?header=0");
  inPayload.write(Buffer.concat([frame, frameHead(2, 1_000_000), Buffer.alloc(600_000)]));
  const inFrameHead = await openRaw(gateway, "/data/b/push?header=0");
  inFrameHead.write(Buffer.concat([frame, frameHead(2, 1_000_000).subarray(0, 5)]));
  const beforePayload = await openRaw(gateway, "/data/c/push");
  const header = Buffer.from("[5]");
  const headerFrame = Buffer.concat([frameHead(1, header.length), header]);
  beforePayload.write(Buffer.concat([headerFrame, frame, headerFrame]));
  const inFragments = await openRaw(gateway, "/data/d/push?header=0");
  const firstFragment = Buffer.from(frame);
  firstFragment[0] = 2;
  inFragments.write(Buffer.concat([frame, firstFragment]));
  const { hostname, port, host } = new URL(gateway.http);
  const inBody = connect(Number(port), hostname);
  inBody.write(`POST /data/e HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000\r\n\r\n${"x".repeat(500)}`);

  await until(
    "the whole messages are stored",
    async () => (await gateway.metric('entries_in_total{class="default"}')) === 4,
  );
  for (const socket of [inPayload, inFrameHead, beforePayload, inFragments, inBody]) socket.resetAndDestroy();
  await until("the sockets are closed", async () => (await gateway.metric("websockets")) === 1);
  healthy.send("well");
  expect(JSON.parse(await healthy.text())).toEqual([expect.any(String)]);
  for (const stream of ["a", "b", "c", "d"]) {
    const { text } = await request(`${gateway.http}/data/${stream}?last_entry_id=0&count=100`);
    expect(text).toBe("whole");
  }
  expect((await request(`${gateway.http}/data/e?last_entry_id=0&block=0`)).text).toBe("");
  expect(await gateway.metric("append_bytes_in_flight")).toBe(0);
  expect(await gateway.metric("internal_errors_total")).toBe(0);
});

test("releases vanished readers in any state", async () => {
  await using gateway = await start();
  await using pusher = {
    ...(await startPusher(gateway.ws, "s")),
    [Symbol.asyncDispose]: async () => undefined,
  };
  const sockets = await Promise.all(
    ["format=json", "header=0&last_entry_id=0", "ack=1", "latest=1", "max_fps=1"].map((query) =>
      openRaw(gateway, `/data/s/pull?${query}`),
    ),
  );
  await until("they read", async () => (await gateway.metric("readers")) === sockets.length);
  for (const socket of sockets) socket.resetAndDestroy();
  await until("no reader is left", async () => (await gateway.metric("readers")) === 0);
  expect(await gateway.metric("readers_paused")).toBe(0);
  await until("the tail has released the stream", async () => (await gateway.metric("tail_streams")) === 0);
  await pusher.stop();
});

test("a reader that stops reading costs others nothing, and resumes", async () => {
  await using gateway = await start({
    REDIS_STREAM_MAXLEN: "100",
    RECENT_BYTES: "1m",
    PAGE_CACHE_BYTES: "1m",
  });
  const total = 2000;
  const size = 100_000;
  await using stuck = await connectSocket(`${gateway.ws}/data/s/pull?header=0&last_entry_id=0`);
  stuck.raw.pause();
  await using push = await connectSocket(`${gateway.ws}/data/s/push?header=0&ack=1`);
  await using pull = await connectSocket(`${gateway.ws}/data/s/pull?header=0&last_entry_id=0`);

  let before = 0;
  for (let i = 0; i < total; i++) {
    const entry = Buffer.alloc(size, i);
    entry.writeUInt32BE(i);
    push.send(entry);
    // 20 at a time, so that no entry is trimmed before the active reader has it.
    if (i % 20 === 19) {
      for (let n = i - 19; n <= i; n++) {
        expect((await pull.next()).data.readUInt32BE()).toBe(n);
        await push.next();
      }
    }
    if (i === total / 4) before = await gateway.metric("process_resident_memory_bytes");
  }
  // 150 MB have been delivered since.
  expect(await gateway.metric("process_resident_memory_bytes")).toBeLessThan(before + 60 * 2 ** 20);
  expect(await gateway.metric("readers_paused")).toBe(1);
  expect(await gateway.metric("slow_pauses_total")).toBeGreaterThanOrEqual(1);

  stuck.raw.resume();
  const seen: number[] = [];
  while (seen.at(-1) !== total - 1) seen.push((await stuck.next()).data.readUInt32BE());
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect(new Set(seen).size).toBe(seen.length);
  // The gateway knows that the missed entries were trimmed.
  expect(seen.length).toBeLessThan(total);
  expect(await gateway.metric("gaps_total")).toBe(1);
  expect(await gateway.metric("readers_paused")).toBe(0);
});
