/** Panels of the console in a real browser: recordings and connections. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { connect } from "../../../client/index.ts";
import { openDecompression } from "../../../src/recordings/decompression.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { axeViolations, openConsole, paneOf } from "../../support/browser/console-page.ts";
import { readFile } from "../../support/data/mcap.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;
const folder = mkdtempSync(join(tmpdir(), "console-panels-"));

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { RECORDINGS_DIR: folder });
  browser = await startBrowser();
});
beforeEach(() => redis.control.call("FLUSHALL"));
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Returns whether the centre of the first such element is visible, and not scrolled out of its pane. */
const isInView = (page: Page, selector: string): Promise<boolean> =>
  page.evaluate<boolean>(`(() => {
    const element = document.querySelector(${JSON.stringify(selector)});
    const { x, y, width, height } = element?.getBoundingClientRect() ?? {};
    return width > 0 && element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  })()`);

const add = (key: string, id: string, data: string) => redis.control.call("XADD", key, id, "d", data);

test("records the open panes, stops, downloads, shows the streams at that moment, and deletes", async () => {
  await add("rover:a", "1700000000000-0", "first");
  await add("rover:a", "1700000001000-0", "second");
  await add("rover:b", "1700000002000-0", "other");
  await using console = await openConsole(browser, gateway.http, "#show=recordings&open=rover:a&view=text");
  const { page } = console;
  await page.getByText("No recordings.").waitFor();
  const form = page.getByRole("form", { name: "New recording" });
  await form.getByLabel("Name").fill("run 1");
  await form.getByRole("button", { name: "Record" }).click();
  await form.getByText("Not recorded:").waitFor();
  await form.getByLabel("Name").fill("run-1");
  await form.getByLabel("Begin").selectOption("at the oldest stored entry");
  await form.getByRole("button", { name: "Record" }).click();
  const recording = page.getByRole("region", { name: "Recording run-1" });
  await recording.getByText("recording", { exact: true }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await recording.getByRole("button", { name: "Stop" }).click();
  await recording.getByText("stopped", { exact: true }).waitFor();
  await recording.getByText(/2 entries .* 1 stream$/).waitFor();
  const downloading = page.waitForEvent("download");
  await recording.getByRole("link", { name: /Download/ }).click();
  const path = join(folder, "downloaded.bin");
  await (await downloading).saveAs(path);
  const { entries } = await readFile(readFileSync(path), await openDecompression());
  expect(entries).toHaveLength(2);
  await recording.getByRole("button", { name: "Open in a viewer" }).click();
  const viewer = recording.getByRole("link", { name: "Open in Lichtblick" });
  expect(await viewer.getAttribute("href")).toContain(
    `ds=remote-file&ds.url=${encodeURIComponent(`${gateway.http}/recordings/run-1.mcap`)}`,
  );
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await recording.getByRole("button", { name: "Show the original streams" }).click();
  await until("it shows the first moment", () => page.url().includes("t=1700000000000"));
  await recording.locator("summary", { hasText: "Play in a terminal" }).click();
  await recording.getByText("npx redis-streamer play run-1.mcap").waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await recording.getByRole("button", { name: "Delete" }).click();
  await recording.getByRole("button", { name: "Delete run-1 now" }).click();
  await page.getByText("No recordings.").waitFor();
  expect(console.problems.filter((problem) => !problem.includes("400"))).toEqual([]);
});

test("records what the panes show from the shown moment on: the lines of a plot and the boxes of a picture", async () => {
  const streamer = connect(gateway.http);
  await streamer.setMeta("boxes", { view: "boxes", of: "a" }, { device: "rover" });
  for (const name of ["a", "boxes", "c", "d"])
    for (const second of [0, 1, 2]) await add(`rover:${name}`, `${1_700_000_000_000 + second * 1000}-0`, "1");
  const hash = "#show=recordings&open=rover:a&view=text&open=rover:missing&of=rover:c&t=1700000001000";
  await using console = await openConsole(browser, gateway.http, hash);
  const { page } = console;
  const form = page.getByRole("form", { name: "New recording" });
  await form.getByText("Those of the open panes (3)").waitFor({ state: "attached" });
  await form.getByLabel("Name").fill("run-3");
  await form.getByRole("button", { name: "Record" }).click();
  const recording = page.getByRole("region", { name: "Recording run-3" });
  await recording.getByText(/6 entries .* 3 streams$/).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await recording.getByRole("button", { name: "Stop", exact: true }).click();
  expect(console.problems).toEqual([]);
});

test("records a device, and scrolls the reason of a failure and the Stop button into view in a low pane", async () => {
  for (const key of ["rover:a", "rover:b", "arm:a"]) await add(key, "1700000000000-0", "1");
  await using console = await openConsole(browser, gateway.http, "#show=recordings");
  const { page } = console;
  await page.setViewportSize({ width: 700, height: 170 });
  const form = page.getByRole("form", { name: "New recording" });
  await form.getByLabel("Streams").selectOption("All of rover");
  await form.getByLabel("Begin").selectOption("at the oldest stored entry");
  await form.getByLabel("Name").fill("run 4");
  await form.getByLabel("Name").press("Enter");
  await until("the reason is in view", () => isInView(page, "form .problem"));
  await form.getByLabel("Name").fill("run-4");
  await form.getByLabel("Name").press("Enter");
  const recording = page.getByRole("region", { name: "Recording run-4" });
  const stop = recording.getByRole("button", { name: "Stop", exact: true });
  await until("the Stop button is in view", () => isInView(page, ".recording .actions button"));
  await recording.getByText(/2 entries .* 2 streams$/).waitFor();
  await stop.click();
});

test("plays a recording into streams of its own, with its progress", async () => {
  await add("rover:a", "1700000000000-0", "first");
  await add("rover:a", "1700003600000-0", "an hour later");
  const post = (path: string, body: object = {}) =>
    fetch(`${gateway.http}/recordings${path}`, { method: "POST", body: JSON.stringify(body) });
  await post("", { name: "run-2", device: "rover", streams: ["a"], from: "0" });
  await using console = await openConsole(browser, gateway.http, "#show=recordings");
  const { page } = console;
  const recording = page.getByRole("region", { name: "Recording run-2" });
  await recording.getByText("2 entries").waitFor();
  expect(await recording.getByRole("button", { name: "Play as new streams" }).count()).toBe(0);
  await post("/run-2/stop");
  await recording.getByLabel("Speed").selectOption("×4");
  await recording.getByRole("button", { name: "Play as new streams" }).click();
  await paneOf(page, "run-2-replay:a").waitFor();
  await recording.getByText("playing", { exact: true }).waitFor();
  await recording.getByText(/ of 60 min · ×4 · 1 stored$/).waitFor();
  expect(await recording.getByRole("progressbar").getAttribute("value")).toMatch(/^0(\.0|$)/);
  expect(await axeViolations(page)).toEqual([]);
  await recording.getByRole("button", { name: "Pause" }).click();
  await recording.getByText("paused", { exact: true }).waitFor();
  await recording.getByRole("button", { name: "Continue" }).click();
  await recording.getByText("playing", { exact: true }).waitFor();
  await recording.getByRole("button", { name: "Stop playing" }).click();
  await recording.getByText("playing stopped", { exact: true }).waitFor();
  await recording.getByRole("button", { name: "Play as new streams" }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await post("/run-2/play", { device: "other" });
  await recording.getByText("playing", { exact: true }).waitFor();
  await recording.getByRole("button", { name: "Show the replay" }).click();
  await paneOf(page, "other:a").waitFor();
  expect(console.problems).toEqual([]);
});

test("lists the connections, and closes one", async () => {
  await add("rover:a", "1-0", "first");
  const socket = new WebSocket(`${gateway.ws}/data/a/pull?device_id=rover`);
  const closed = new Promise<string>((resolve) => {
    socket.onclose = ({ reason }) => resolve(reason);
  });
  await using console = await openConsole(browser, gateway.http, "#show=connections");
  const { page } = console;
  const list = page.getByRole("region", { name: "List of connections" });
  const row = list.getByRole("row").filter({ hasText: "pull" }).filter({ hasText: "rover:a" });
  await row.getByText("127.0.0.1").waitFor();
  await row.getByRole("cell", { name: "0 ms" }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await row.getByRole("button", { name: "Close" }).click();
  await row.getByRole("button", { name: "Close now" }).click();
  await page.getByText(/The connection .* was closed/).waitFor();
  expect(await closed).toContain("CLOSED_BY_OPERATOR");
  await page.getByLabel("Filter connections").fill("nothing like this");
  await until("none is shown", async () => (await list.count()) === 0);
  expect(console.problems).toEqual([]);
});
