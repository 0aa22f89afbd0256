/**
 * Video in the console, in a real browser: pictures of a live stream, of a moment in the past, and after frames that are
 * missing, with the shapes of a detector.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect } from "../../../client/index.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import {
  axeViolations,
  colourOf,
  opacityAt,
  openConsole,
  paneOf,
} from "../../support/browser/console-page.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { framesOf } from "../../support/programs/video.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  browser = await startBrowser();
});
beforeEach(async () => {
  await redis.control.call("FLUSHALL");
  await connect(gateway.http).declare("front", { contentType: "video/h264" }, { device: "rover" });
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const KEY = "rover:front";
/** Red and green for two seconds each, with a key frame each second. */
const frames = framesOf({ codec: "h264", colours: ["red", "lime"], framesEach: 50, keyEvery: 25 });
const store = (frame: Buffer | undefined, id = "*") =>
  redis.control.call("XADD", KEY, id, "d", frame ?? Buffer.alloc(0));

/** Colours at the centre of a picture, as `colourOf` returns them. */
const [RED, GREEN] = ["100", "010"];
const factsOf = async (pane: Locator) => (await pane.locator(".below .facts").textContent()) ?? "";

test("shows a live video, waits for a key frame, and continues after a frame that cannot be decoded", async () => {
  await using console = await openConsole(browser, gateway.http, "#open=rover:front&view=video");
  const pane = paneOf(console.page, KEY);
  await store(frames[1]);
  await until("it waits", async () => (await factsOf(pane)).includes("waiting for a key frame"));
  for (const frame of frames.slice(0, 25)) {
    await store(frame);
    await sleep(10);
  }
  await until("it is red", async () => (await colourOf(pane)) === RED);
  await until("its size is shown", async () => (await factsOf(pane)).includes("320 × 240"));
  expect(await axeViolations(console.page)).toEqual([]);
  await store(Buffer.from([0, 0, 0, 1, 0x65, 1, 2, 3]));
  for (const frame of frames.slice(50)) await store(frame);
  await until("it is green", async () => (await colourOf(pane)) === GREEN);
  expect(console.problems).toEqual([]);
});

test("shows the picture of a moment in the past, which is decoded from the key frame before it", async () => {
  const start = 1_700_000_000_000;
  for (const [i, frame] of frames.entries()) await store(frame, `${start + i * 40}-0`);
  // 40 frames are red, and the key frame before is 15 frames away.
  await using console = await openConsole(browser, gateway.http, `#open=rover:front&t=${start + 40 * 40}`);
  const pane = paneOf(console.page, KEY);
  await until("it is red", async () => (await colourOf(pane)) === RED);
  await console.page.goto(`${gateway.http}/#open=rover:front&t=${start + 90 * 40}`);
  await until("it is green", async () => (await colourOf(pane)) === GREEN);
  expect(console.problems).toEqual([]);
});

test("draws the boxes of a detector over the picture that they belong to, and turns both", async () => {
  const start = 1_700_000_000_000;
  const streamer = connect(gateway.http);
  await streamer.setMeta("boxes", { view: "boxes", of: "front" }, { device: "rover" });
  for (const [i, frame] of frames.slice(0, 30).entries()) await store(frame, `${start + i * 40}-0`);
  const storeBox = (atFrame: number, x: number, y: number) =>
    redis.control.call(
      ...["XADD", "rover:boxes", `${start + atFrame * 40 + 3}-0`, "d"],
      JSON.stringify({ boxes: [{ x, y, w: 80, h: 60 }] }),
    );
  await storeBox(10, 20, 30);
  await storeBox(20, 200, 150);
  const momentOf = (frame: number) => start + frame * 40 + 5;
  await using console = await openConsole(browser, gateway.http, `#open=rover:front&t=${momentOf(20)}`);
  const pane = paneOf(console.page, KEY);
  const at = (x: number, y: number) => opacityAt(pane, x / 320, y / 240);
  await until("the box is drawn", async () => (await at(200, 180)) > 100);
  expect(await colourOf(pane)).toBe(RED);
  expect(await at(240, 150)).toBeGreaterThan(100);
  expect([await at(240, 180), await at(20, 60)]).toEqual([0, 0]);
  await console.page.goto(`${gateway.http}/#open=rover:front&t=${momentOf(10)}`);
  await until("the other box is drawn", async () => (await at(20, 60)) > 100 && (await at(200, 180)) === 0);
  // Clockwise, the left edge becomes the top edge: (20, 60) of 320 × 240 is (180, 20) of 240 × 320.
  await pane.getByRole("button", { name: "Turn the picture clockwise" }).click();
  const turnedAt = (x: number, y: number) => opacityAt(pane, x / 240, y / 320);
  await until("the box is turned", async () => (await turnedAt(180, 20)) > 100);
  expect(await turnedAt(180, 60)).toBe(0);
  const [canvas, area] = [pane.locator("canvas[role=img]"), pane.locator(".picture")];
  const [picture, whole] = [await canvas.boundingBox(), await area.boundingBox()];
  expect((picture?.width ?? 1) / (picture?.height ?? 1)).toBeCloseTo(240 / 320, 2);
  expect(picture?.y).toBeCloseTo(whole?.y ?? 0, 0);
  expect(console.page.url()).toContain("turn=90");
  await pane.getByRole("button", { name: "Overlays" }).click();
  await pane.getByRole("checkbox", { name: "rover:boxes" }).uncheck();
  await until("it is removed", async () => (await pane.locator("canvas.overlay").count()) === 0);
  expect(console.page.url()).toContain("boxes=&");
  expect(await axeViolations(console.page)).toEqual([]);
  expect(console.problems).toEqual([]);
});
