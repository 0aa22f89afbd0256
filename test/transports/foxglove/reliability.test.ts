/** Viewers that are slow, and viewers that vanish in all ways: the others receive everything, and nothing is left behind. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connectViewer, type TestViewer } from "../../support/clients/foxglove-client.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { SEND_HIGH_WATER_BYTES: "64k" });
});
afterAll(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const append = (key: string, data: string | Buffer) => redis.control.call("XADD", key, "*", "d", data);
const inUse = () =>
  Promise.all(
    ["readers", "readers_paused", "tail_streams", "websockets"].map((name) => metricOf(gateway, name)),
  );
const image = (n: number) =>
  Buffer.concat([Buffer.from("ffd8ffe000104a464946", "hex"), Buffer.alloc(1_000_000, n), Buffer.from([n])]);

test("a slow viewer receives the newest images and all samples, and a status reports the skipped images", async () => {
  await append("rover:cam", image(0));
  await append("rover:imu", '{"n": 0}');
  await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
  const [cam, imu] = [await viewer.subscribe("/rover/cam"), await viewer.subscribe("/rover/imu")];
  await viewer.received(cam, 1);
  await viewer.received(imu, 1);
  // Keeps the stream watched: images that the gateway does not see are not counted as skipped.
  await using other = await connectViewer(`${gateway.ws}/foxglove`);
  await other.received(await other.subscribe("/rover/cam"), 1);
  viewer.raw.pause();
  for (let n = 1; n <= 40; n++) {
    await append("rover:cam", image(n));
    await append("rover:imu", `{"n": ${n}}`);
  }
  viewer.raw.resume();
  await viewer.received(imu, 41);
  await until("the newest image arrives", () =>
    viewer.messages.some(({ data }) => data.at(-1) === 40 && data.length > 1e6),
  );
  const images = viewer.messages.filter(({ subscriptionId }) => subscriptionId === cam);
  expect(images.length).toBeLessThan(41);
  await until("it is reported", () => viewer.statuses.some(({ id }) => id === "skipped-/rover/cam"));
  // The viewer keeps up again.
  for (let n = 41; !viewer.removedStatuses.includes("skipped-/rover/cam"); n++) {
    const before = viewer.messages.length;
    await append("rover:cam", image(n % 256));
    await until("the image arrives", () => viewer.messages.length > before);
    expect(n).toBeLessThan(100);
  }
  expect(viewer.statuses.filter(({ id }) => id === "skipped-/rover/cam")).toHaveLength(1);
});

test("100 viewers vanish in all ways while streams come and go, and nothing is left", async () => {
  for (let n = 0; n < 10; n++) await append(`rover:s${n}`, '{"x": 1}');
  await append("rover:cam", image(0));
  const ends: readonly ((viewer: TestViewer) => unknown)[] = [
    ({ client }) => client.close(),
    ({ raw }) => raw.terminate(),
    ({ raw }) => {
      raw.pause();
      setTimeout(() => raw.terminate(), 50);
    },
    ({ raw }) => raw.send("x".repeat(300_000)),
    (viewer) => {
      for (const { id } of viewer.channels.values()) viewer.client.subscribe(id);
      viewer.raw.close();
    },
  ];
  let isOver = false;
  const churn = (async () => {
    for (let n = 0; !isOver; n = (n + 1) % 10) {
      await redis.control.call("DEL", `rover:s${n}`);
      await append(`rover:s${n}`, `{"x": ${n}}`);
      await append("rover:cam", image(n));
    }
  })();
  const visit = async (i: number) => {
    const viewer = await connectViewer(`${gateway.ws}/foxglove${i % 3 === 0 ? "/rover?start=-" : ""}`);
    if (i % 2 === 0) await viewer.channel("/rover/cam");
    for (const { id } of [...viewer.channels.values()].slice(0, 1 + (i % 8))) viewer.client.subscribe(id);
    if (i % 4 === 0) await until("something arrives", () => viewer.messages.length > 0);
    ends[i % ends.length]?.(viewer);
    await viewer.closed;
  };
  for (let round = 0; round < 5; round++)
    await Promise.all(Array.from({ length: 20 }, (_, i) => visit(round * 20 + i)));
  isOver = true;
  await churn;
  await until(
    async () => `all is released: ${await inUse()}`,
    async () => (await inUse()).every((one) => one === 0),
  );
  const { text } = await request(`${gateway.http}/metrics`);
  const held = [...text.matchAll(/^redis_streamer_memory_bytes\{.*\} (\d+)$/gm)].map(([, bytes]) =>
    Number(bytes),
  );
  expect(held.length).toBeGreaterThan(0);
  expect(held.filter((bytes) => bytes > 0)).toEqual([]);
});
