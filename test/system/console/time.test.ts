/** Time bar, audio, downloads and panels of the console in a real browser. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { connect } from "../../../client/index.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import {
  axeViolations,
  lastRow,
  openConsole,
  openInspector,
  openStream,
  paneOf,
  timeOf,
} from "../../support/browser/console-page.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys } from "../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());
beforeEach(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { PORT: String(await freePort()) });
});
afterEach(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const WAIT_MS = 60_000;
const add = (key: string, n: number, data: string) => redis.control.call("XADD", key, `${n}-0`, "d", data);

test("plays history at the selected speed, pauses, and plays on until it is live", async () => {
  // Ten seconds of history, so that no entry is shown by chance.
  for (let n = 0; n <= 100; n++) await add("default:log", 1000 + 100 * n, `entry ${n}`);
  await using console = await openConsole(browser, gateway.http);
  const pane = await openStream(console.page, "default:log");
  const shown = async () => Number((await lastRow(pane).textContent())?.replace("entry ", ""));
  await until("all is shown", async () => (await shown()) === 100, WAIT_MS);
  const time = timeOf(console.page);
  await time.getByRole("slider", { name: "Position" }).fill("3000");
  await until("the moment is shown", async () => (await shown()) === 20, WAIT_MS);
  await time.getByLabel("Playback speed").selectOption("0.25");
  await time.getByRole("button", { name: "Play", exact: true }).click();
  await until("it is played", async () => (await shown()) > 20, WAIT_MS);
  await pane.getByText("playing").waitFor();
  await time.getByRole("button", { name: "Pause" }).click();
  const paused = await shown();
  expect(paused).toBeLessThan(100);
  const rows = await pane.locator(".tail li span").allTextContents();
  expect(rows).toEqual(Array.from({ length: paused + 1 }, (_, n) => `entry ${n}`));
  await time.getByLabel("Playback speed").selectOption("8");
  await time.getByRole("button", { name: "Play", exact: true }).click();
  await time.getByRole("button", { name: "Live", pressed: true }).waitFor();
  await until("all is shown again", async () => (await shown()) === 100, WAIT_MS);
  await add("default:log", 20_000, "entry 101");
  await until("the new entry is shown", async () => (await shown()) === 101, WAIT_MS);
  expect(console.problems).toEqual([]);
});

/** Opens a log of five entries. @param ms time between them */
async function openLog(ms: number) {
  for (let n = 1; n <= 5; n++) await add("default:log", n * ms, `entry ${n}`);
  const console = await openConsole(browser, gateway.http);
  const { page } = console;
  const pane = await openStream(page, "default:log");
  const shows = (n: number) =>
    until(`entry ${n}`, async () => (await lastRow(pane).textContent()) === `entry ${n}`, WAIT_MS);
  await shows(5);
  return { console, page, pane, shows, [Symbol.asyncDispose]: () => console[Symbol.asyncDispose]() };
}

test("keyboard: search from anywhere; pause, step and resume in a viewer", async () => {
  await using log = await openLog(1);
  const { page, pane, shows } = log;
  await pane.getByRole("list", { name: "Entries, newest last" }).focus();
  await page.keyboard.press("Space");
  await pane.getByText("paused").waitFor();
  await page.keyboard.press("ArrowLeft");
  await shows(4);
  await page.keyboard.press("ArrowLeft");
  await shows(3);
  await page.keyboard.press("ArrowRight");
  await shows(4);
  await page.keyboard.press("Space");
  await shows(5);
  await page.keyboard.press("/");
  await page.keyboard.type("nothing");
  await page.getByText("0 of 1 streams").waitFor();
  expect(await page.getByLabel("Search").inputValue()).toBe("nothing");
});

test("keyboard: the arrow keys step entries also after a click on a control", async () => {
  await using log = await openLog(1000);
  const { page, shows } = log;
  const back = page.getByRole("button", { name: "One entry back" });
  expect(await back.getAttribute("title")).toBe("One entry of default:log back (←)");
  await back.click();
  await shows(4);
  await page.keyboard.press("ArrowLeft");
  await shows(3);
  // The space bar still presses the button.
  await page.keyboard.press("Space");
  await shows(2);
  const slider = page.getByRole("slider", { name: "Position in the history of the open streams" });
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  await shows(3);
  await page.keyboard.press("ArrowRight");
  await shows(4);
  await page.keyboard.press("Home");
  await shows(1);
  const field = page.getByLabel("Go to", { exact: true });
  await field.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.type("l");
  expect(await field.inputValue()).toBe("l");
  await shows(1);
  expect(log.console.problems).toEqual([]);
});

test("shows entries trimmed while the gateway was down as a gap, in the count and between rows", async () => {
  await add("default:log", 1, "before");
  await using console = await openConsole(browser, gateway.http);
  const pane = await openStream(console.page, "default:log");
  await until("it is shown", async () => (await lastRow(pane).textContent()) === "before", WAIT_MS);
  // Proves that new entries arrive over the socket.
  await add("default:log", 2, "followed");
  await until("it is followed", async () => (await lastRow(pane).textContent()) === "followed", WAIT_MS);
  const { port } = new URL(gateway.http);
  await gateway.close();
  for (const n of [3, 4]) await add("default:log", n, `entry ${n}`);
  await redis.control.call("XTRIM", "default:log", "MINID", "4");
  gateway = await startTestGateway(redis.url, { PORT: port });
  await until("it resumes", async () => (await lastRow(pane).textContent()) === "entry 4", 2 * WAIT_MS);
  await pane.getByText("1 gap: entries were trimmed").waitFor();
  expect(await pane.locator(".tail li").last().textContent()).toContain("earlier entries were trimmed");
});

test("counts images that are not drawn as skipped", async () => {
  const png = await sharp({ create: { width: 64, height: 48, channels: 3, background: "#0f0" } })
    .png()
    .toBuffer();
  await redis.control.call("XADD", "default:cam", "*", "d", png);
  await using console = await openConsole(browser, gateway.http);
  const pane = await openStream(console.page, "default:cam");
  await pane.getByText("0 skipped").waitFor();
  // In one step, so that the page cannot draw the entries in between.
  await redis.control.call(
    "EVAL",
    "for i = 1, 500 do redis.call('XADD', KEYS[1], '*', 'd', ARGV[1]) end",
    1,
    "default:cam",
    png,
  );
  await until(
    "they are counted",
    async () => /\b4\d\d skipped/.test((await pane.locator(".viewer .facts").textContent()) ?? ""),
    WAIT_MS,
  );
  expect(console.problems).toEqual([]);
});

/** Returns the frequency with the brightest pixel of the newest column of a spectrogram; -1 if all are dark. */
const brightestOf = (page: Page): Promise<number> =>
  page.evaluate(`{
    const { width, height } = document.querySelector(".spectrogram-canvas");
    const context = document.querySelector(".spectrogram-canvas").getContext("2d");
    const { data } = context.getImageData(width - 1, 0, 1, height);
    const greens = Array.from({ length: height }, (_, y) => data[4 * y + 1]);
    Math.max(...greens) > 100 ? height - 1 - greens.indexOf(Math.max(...greens)) : -1;
  }`);

test("draws and plays audio in the format of the metadata", async () => {
  const streamer = connect(gateway.http);
  await streamer.setMeta("mic", { sampleRate: 8000, channels: 2, format: "s16le" });
  const mic = streamer.push("mic");
  const chunk = new Uint8Array(Int16Array.from({ length: 1600 }, (_, i) => 12_000 * Math.sin(i / 6)).buffer);
  await mic.send(chunk);
  await using console = await openConsole(browser, gateway.http);
  const { page } = console;
  await page.evaluate(`{
    window.heard = [];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (...args) {
      const { length, sampleRate, numberOfChannels } = this.buffer;
      window.heard.push([length, sampleRate, numberOfChannels]);
      return start.apply(this, args);
    };
  }`);
  const pane = await openStream(page, "default:mic");
  await pane.getByRole("img", { name: "The last 5 seconds of default:mic" }).locator("canvas").waitFor();
  const openFormat = () => pane.getByRole("button", { name: "Sample format" }).click();
  await openFormat();
  expect(await pane.getByLabel("Samples").inputValue()).toBe("s16");
  expect(await pane.getByRole("combobox", { name: "Hz" }).inputValue()).toBe("8000");
  expect(await pane.getByLabel("Channels").inputValue()).toBe("2");
  await pane.getByRole("button", { name: "Listen" }).click();
  await mic.send(chunk);
  await until("it is heard", async () => (await page.evaluate("window.heard.length")) === 1, WAIT_MS);
  await openFormat();
  await pane.getByLabel("Channels").fill("1");
  await pane.getByLabel("Channels").blur();
  await pane.getByRole("combobox", { name: "Hz" }).selectOption("16000");
  await until("it is decoded again", async () => {
    await mic.send(chunk);
    return (await page.evaluate("window.heard.at(-1).join()")) === "1600,16000,1";
  });
  expect(await page.evaluate("window.heard[0].join()")).toBe("800,8000,2");
  await pane.getByRole("button", { name: "Spectrogram" }).click();
  // sin(i / 6) is 424 Hz at 16 kHz, which is frequency 27 of 512 up to 8 kHz.
  await until("its frequency is the brightest", async () => [26, 27, 28].includes(await brightestOf(page)));
  expect(await axeViolations(page)).toEqual([]);
  await mic.close();
  expect(console.problems).toEqual([]);
});

test("downloads a range in every format", async () => {
  for (let n = 1; n <= 250; n++) await add("rover:imu", 1_700_000_000_000 + n * 1000, `{"x":${n}}`);
  await using console = await openConsole(browser, gateway.http);
  const { page } = console;
  await openStream(page, "rover:imu");
  const inspector = await openInspector(page);
  await inspector.locator("summary", { hasText: "Download" }).click();
  const download = async () => {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      inspector.getByRole("button", { name: "Download" }).click(),
    ]);
    return { name: file.suggestedFilename(), text: await readFile(await file.path(), "latin1") };
  };
  const all = await download();
  expect(all.name).toBe("rover_imu.jsonl");
  const lines = all.text.trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).json.x)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
  await inspector.getByText(/^250 entries, .* saved/).waitFor();
  // In the page's time zone.
  const local = await page.evaluate(`(() => {
    const at = new Date(1700000248000);
    return new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 23);
  })()`);
  await inspector.getByLabel("From", { exact: true }).fill(String(local));
  await inspector.locator(".fields select").selectOption("csv");
  const some = await download();
  expect(some.name).toBe("rover_imu.csv");
  expect(some.text.split("\r\n").map((line) => line.split(",").at(-1))).toEqual([
    "x",
    "248",
    "249",
    "250",
    "",
  ]);
  expect(console.problems).toEqual([]);
});

test("shows events and gateway state, and restores both after a reload", async () => {
  await redis.control.call("XADD", "default:log", "*", "d", "x");
  await using console = await openConsole(browser, gateway.http);
  const { page } = console;
  await page.getByRole("button", { name: "Events" }).click();
  await page.getByRole("button", { name: "Gateway" }).click();
  await page.getByText("1 of 1 streams").waitFor();
  const mutate = (query: string) =>
    fetch(`${gateway.http}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: `mutation { ${query} }` }),
    });
  await mutate('connectDevice(deviceId: "rover", meta: {kind: "car"})');
  await mutate('disconnectDevice(deviceId: "rover")');
  await redis.control.call("XADD", "rover:imu", "*", "d", "x");
  const rows = paneOf(page, "Events").getByRole("list").locator("li");
  await rows.filter({ hasText: 'rover connected {"kind":"car"}' }).waitFor();
  await rows.filter({ hasText: "rover disconnected" }).waitFor();
  await rows.filter({ hasText: "rover:imu was created" }).waitFor();
  await redis.control.call("DEL", "rover:imu");
  await rows.filter({ hasText: "rover:imu was deleted" }).waitFor();
  expect((await rows.first().textContent()) ?? "").toContain("rover:imu was deleted");
  expect(await axeViolations(page)).toEqual([]);
  await page.reload();
  const state = paneOf(page, "Gateway");
  await state.getByText("Redis latency").waitFor();
  await state.getByText(/^\d+\.\d ms$/).waitFor();
  const push = connect(gateway.http).push("counted");
  const isIn = state.locator("div", { has: page.getByText("Entries in", { exact: true }) }).last();
  await until(
    "new entries are counted",
    async () => {
      await push.send("x");
      return /[1-9]/.test((await isIn.textContent()) ?? "");
    },
    WAIT_MS,
  );
  await push.close();
  const memory = state.locator("div", { has: page.getByText("Memory", { exact: true }) }).last();
  expect(await memory.textContent()).toMatch(/^Memory\d+\.\d MB$/);
  expect(console.problems).toEqual([]);
  await page.getByRole("button", { name: "Close Gateway" }).click();
  await page.getByRole("button", { name: "Close Events" }).click();
  expect(new URL(page.url()).hash).toBe("");
});

test("reports what a user with read permission cannot see, and shows the rest", async () => {
  using keys = createTestKeys();
  const secret = keys.add("reader", ["read:rover:*"]);
  await redis.control.call("XADD", "rover:log", "*", "d", "hello");
  await using closed = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  const page = await browser.context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  await page.goto(`${closed.http}/`);
  await page.getByLabel("Key or token").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("1 of 1 streams").waitFor();
  await page.getByRole("button", { name: "Events" }).click();
  await page.getByRole("button", { name: "Gateway" }).click();
  await page.getByText("Device events cannot be read").waitFor();
  await page.getByText("The metrics cannot be read").waitFor();
  await page.context().clearCookies();
  await page.close();
});
