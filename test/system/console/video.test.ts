/** Video in the console, in a real browser: pictures of a live stream, of a moment in the past, and after frames that are missing. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect } from "../../../client/index.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { axeViolations, colourOf, openConsole, paneOf } from "../../support/browser/console-page.ts";
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
