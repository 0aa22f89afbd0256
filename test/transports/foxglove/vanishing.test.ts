/** Viewers that vanish in all ways while streams appear and are deleted: nothing is left, and others receive everything. */
import { connect, type Socket } from "node:net";
import { queryObjects } from "node:v8";
import { beforeEach, expect, test } from "vitest";
import { Viewer } from "../../../src/transports/foxglove/viewer.ts";
import { BINARY, CLOSE, clientFrame, PING, TEXT } from "../../support/clients/client-frames.ts";
import { connectViewer, type TestViewer } from "../../support/clients/foxglove-client.ts";
import { request } from "../../support/clients/http.ts";
import { upgradeRequest } from "../../support/clients/raw-requests.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const PROTOCOL = "foxglove.sdk.v1";
/** Streams that are deleted and created again all the time. */
const STREAMS = 10;

const { redis, gateway } = await openOwnGateway({
  SEND_HIGH_WATER_BYTES: "64k",
  PING_INTERVAL_MS: "500",
  PING_TIMEOUT_MS: "5000",
  UPLOAD_TIMEOUT_MS: "1000",
  HANDSHAKE_TIMEOUT_MS: "1000",
});
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const append = (key: string, data: string | Buffer) => redis.control.call("XADD", key, "*", "d", data);
const image = (n: number) =>
  Buffer.concat([Buffer.from("ffd8ffe000104a464946", "hex"), Buffer.alloc(1_000_000, n)]);
const frame = (message: unknown) =>
  clientFrame({ opcode: TEXT, payload: Buffer.from(JSON.stringify(message)) });
const playback = () => {
  const control = Buffer.alloc(19);
  control.set([3, 0, 0, 0, 0x80, 0x3f]);
  return clientFrame({ opcode: BINARY, payload: control });
};

/** Ends of viewers that use Foxglove's client library, as `of(viewer)`. */
const ENDS: Readonly<Record<string, (viewer: TestViewer) => unknown>> = {
  "a close frame": ({ client }) => client.close(),
  "no close frame": ({ raw }) => raw.terminate(),
  "no reads before": ({ raw }) => {
    raw.pause();
    setTimeout(() => raw.terminate(), 50);
  },
  "a message that is too large": ({ raw }) => raw.send("x".repeat(300_000)),
  "requests in flight": (viewer) => {
    for (const { id } of viewer.channels.values()) viewer.client.subscribe(id);
    viewer.raw.close();
  },
  "the end of all subscriptions": ({ client, raw }) => {
    for (let id = 0; id < STREAMS; id++) client.unsubscribe(id);
    raw.close();
  },
  "messages that are not valid": ({ raw }) => {
    for (const message of ["{", '{"op":"subscribe","subscriptions":[{}]}', Buffer.of(3, 1), Buffer.of(1)])
      raw.send(message);
    raw.terminate();
  },
};

/** A viewer that writes bytes. */
interface RawViewer {
  readonly socket: Socket;
  /** Subscribes to all channels, once they are advertised. */
  subscribe(): Promise<void>;
}

/** Ends of viewers that write bytes. The gateway ends those that remain open. */
const RAW_ENDS: Readonly<Record<string, (viewer: RawViewer, path: string) => unknown>> = {
  "half a handshake": ({ socket }, path) => {
    socket.end(upgradeRequest(path, PROTOCOL).subarray(0, 60));
  },
  "half a handshake, and silence": ({ socket }, path) =>
    socket.write(upgradeRequest(path, PROTOCOL).subarray(0, 60)),
  "a reset after the handshake": ({ socket }, path) => {
    socket.write(upgradeRequest(path, PROTOCOL), () => socket.resetAndDestroy());
  },
  async "a reset after subscriptions"({ socket, subscribe }) {
    await subscribe();
    socket.resetAndDestroy();
  },
  async "a reset in a frame"({ socket, subscribe }) {
    await subscribe();
    socket.write(playback().subarray(0, 9), () => socket.resetAndDestroy());
  },
  async "silence in a frame"({ socket, subscribe }) {
    await subscribe();
    socket.write(playback().subarray(0, 9));
  },
  async "silence, without reading"({ socket, subscribe }) {
    await subscribe();
    socket.pause();
  },
  async "silence, while it reads"({ subscribe }) {
    await subscribe();
  },
  async "a frame of a server"({ socket, subscribe }) {
    await subscribe();
    socket.write(clientFrame({ opcode: TEXT, payload: Buffer.from("{}"), mask: undefined }));
  },
  async "half a connection"({ socket, subscribe }) {
    await subscribe();
    socket.end();
  },
  async "commands, and a close frame"({ socket, subscribe }) {
    await subscribe();
    for (let n = 0; n < 50; n++) socket.write(playback());
    socket.write(clientFrame({ opcode: CLOSE }));
  },
  async "pings, and a reset"({ socket, subscribe }) {
    await subscribe();
    for (let n = 0; n < 50; n++) socket.write(clientFrame({ opcode: PING }));
    socket.resetAndDestroy();
  },
};

const pathOf = (i: number) => `/foxglove${i % 3 === 0 ? "/rover?start=-" : ""}`;

async function visit(i: number): Promise<void> {
  const viewer = await connectViewer(gateway.ws + pathOf(i));
  if (i % 2 === 0) await viewer.channel("/rover/cam");
  for (const { id } of [...viewer.channels.values()].slice(0, 1 + (i % 8))) viewer.client.subscribe(id);
  if (i % 4 === 0) await until("something arrives", () => viewer.messages.length > 0);
  Object.values(ENDS)[i % Object.keys(ENDS).length]?.(viewer);
  await viewer.closed;
}

async function visitRaw(i: number): Promise<void> {
  const { port, hostname } = new URL(gateway.http);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  // Not `once` of node:events, which rejects on a reset.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  let head = "";
  socket.on("data", (bytes) => {
    // All channels are advertised in the first bytes.
    if (head.length < 65_536) head += bytes.toString("latin1");
  });
  const subscribe = async () => {
    socket.write(upgradeRequest(pathOf(i), PROTOCOL));
    await until("channels are advertised", () => head.includes('"op":"advertise"') || socket.destroyed);
    const ids = [...head.matchAll(/"id":(\d+),"topic"/g)].map(([, id]) => Number(id));
    socket.write(frame({ op: "subscribe", subscriptions: ids.map((channelId, id) => ({ id, channelId })) }));
  };
  await Object.values(RAW_ENDS)[i % Object.keys(RAW_ENDS).length]?.({ socket, subscribe }, pathOf(i));
  // A socket that does not read does not learn that it was closed.
  if (socket.isPaused())
    await until("the gateway has ended it", async () => (await metricOf(gateway, "websockets")) <= 1);
  socket.resume();
  await closed;
}

/** Streams that are deleted and created again until `stop`. */
interface Churn extends AsyncDisposable {
  /** @returns the number of the last entry of the stream that remains */
  stop(): Promise<number>;
}

function churn(): Churn {
  let isOver = false;
  let steady = 0;
  const running = (async () => {
    for (let n = 0; !isOver; n = (n + 1) % STREAMS) {
      await redis.control.call("DEL", `rover:s${n}`);
      await append(`rover:s${n}`, `{"x": ${n}}`);
      await append("rover:cam", image(n));
      await append("rover:steady", `{"n": ${++steady}}`);
    }
  })();
  const stop = async () => {
    isOver = true;
    await running;
    return steady;
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

/** Numbers of what the gateway counts for viewers. */
const inUse = () =>
  Promise.all(
    ["readers", "readers_paused", "tail_streams", "websockets"].map((name) => metricOf(gateway, name)),
  );

test("200 viewers vanish in all ways while streams come and go: others miss nothing, and nothing is left", async () => {
  for (let n = 0; n < STREAMS; n++) await append(`rover:s${n}`, '{"x": 1}');
  await append("rover:cam", image(0));
  await append("rover:steady", '{"n": 0}');
  const before = queryObjects(Viewer);
  {
    await using other = await connectViewer(`${gateway.ws}/foxglove`);
    const steady = await other.subscribe("/rover/steady");
    await other.received(steady, 1);
    await using streams = churn();
    const raw: Promise<void>[] = [];
    for (let round = 0; round < 5; round++) {
      const visits = Array.from({ length: 20 }, (_, i) => round * 20 + i);
      // Those that are silent end by a timeout, so the rounds do not wait for them.
      for (const i of visits) raw.push(visitRaw(i));
      await Promise.all(visits.map(visit));
    }
    await Promise.all(raw);
    const last = await streams.stop();
    const received = await other.received(steady, last + 1);
    expect(received.map(({ data }) => data.toString())).toEqual(
      Array.from({ length: last + 1 }, (_, n) => `{"n": ${n}}`),
    );
    expect(other.errors).toEqual([]);
  }
  await until(
    async () => `all is released: ${await inUse()}`,
    async () => (await inUse()).every((one) => one === 0),
  );
  // Afterwards, because each look at the heap collects the garbage of all files that this process has run.
  await until(
    () => `no viewer is left: ${queryObjects(Viewer)} instead of ${before}`,
    () => queryObjects(Viewer) === before,
  );
  const { text } = await request(`${gateway.http}/metrics`);
  const held = [...text.matchAll(/^redis_streamer_memory_bytes\{.*\} (\d+)$/gm)].map(([, bytes]) =>
    Number(bytes),
  );
  expect(held.length).toBeGreaterThan(0);
  expect(held.filter((bytes) => bytes > 0)).toEqual([]);
});
