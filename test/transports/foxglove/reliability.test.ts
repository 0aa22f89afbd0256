/** Viewers that are slow: they receive the newest images and everything else, and learn which images they miss. */
import { beforeEach, expect, test } from "vitest";
import { connectViewer } from "../../support/clients/foxglove-client.ts";
import { metricOf } from "../../support/gateway/metrics.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway({ SEND_HIGH_WATER_BYTES: "64k" });
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
});

const append = (key: string, data: string | Buffer) => redis.control.call("XADD", key, "*", "d", data);
const entriesSent = () => metricOf(gateway, 'entries_out_total{class="other"}');
const image = (n: number) =>
  Buffer.concat([Buffer.from("ffd8ffe000104a464946", "hex"), Buffer.alloc(1_000_000, n), Buffer.from([n])]);

test("a slow viewer receives the newest images and all samples, and a status reports the skipped images", async () => {
  await append("rover:cam", image(0));
  await append("rover:imu", '{"n": 0}');
  await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
  const [cam, imu] = [await viewer.subscribe("/rover/cam"), await viewer.subscribe("/rover/imu")];
  await viewer.received(cam, 1);
  await viewer.received(imu, 1);
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

test("a viewer that did not read for long learns that images were skipped, although it is the only viewer", async () => {
  await append("rover:cam", image(0));
  await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
  const cam = await viewer.subscribe("/rover/cam");
  await viewer.received(cam, 1);
  viewer.raw.pause();
  // Fills the socket.
  for (let n = 1; (await metricOf(gateway, "readers_paused")) === 0; n = (n + 1) % 100)
    await append("rover:cam", image(n));
  await until("the stream is not read any more", async () => (await metricOf(gateway, "tail_streams")) === 0);
  for (let n = 100; n <= 102; n++) await append("rover:cam", image(n));
  viewer.raw.resume();
  await until("the newest image arrives", () => viewer.messages.some(({ data }) => data.at(-1) === 102));
  expect(viewer.messages.some(({ data }) => data.at(-1) === 101)).toBe(false);
  await until("it is reported", () => viewer.statuses.some(({ id }) => id === "skipped-/rover/cam"));
});

test("a viewer that did not read for long misses no image if there was one only", async () => {
  await append("rover:cam", image(0));
  await using viewer = await connectViewer(`${gateway.ws}/foxglove`);
  const cam = await viewer.subscribe("/rover/cam");
  await viewer.received(cam, 1);
  viewer.raw.pause();
  let sent = 1;
  // One at a time, so that none of them is skipped.
  for (; (await metricOf(gateway, "readers_paused")) === 0; sent++) {
    const before = await entriesSent();
    await append("rover:cam", image(sent));
    await until("the image is sent", async () => (await entriesSent()) > before);
  }
  await until("the stream is not read any more", async () => (await metricOf(gateway, "tail_streams")) === 0);
  await append("rover:cam", image(sent));
  viewer.raw.resume();
  const received = await viewer.received(cam, sent + 1);
  expect(received.map(({ data }) => data.at(-1))).toEqual(Array.from({ length: sent + 1 }, (_, n) => n));
  // Statuses are sent before the answer to a later message.
  viewer.client.unsubscribe(77);
  await until("the answer", () => viewer.statuses.length > 0);
  expect(viewer.statuses.map(({ message }) => message)).toEqual(["there is no subscription 77"]);
});
