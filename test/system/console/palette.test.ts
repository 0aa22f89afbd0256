/** Command palette of the console in a real browser, by keyboard only. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { axeViolations, openConsole, paneOf } from "../../support/browser/console-page.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;
const folder = mkdtempSync(join(tmpdir(), "console-palette-"));

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

const paletteOf = (page: Page) => page.getByRole("dialog", { name: "Commands" });

/** Opens the palette. Its code is loaded the first time. */
async function openPalette(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  const field = paletteOf(page).getByRole("combobox");
  await until("the palette has the focus", () => field.evaluate((one) => one.matches(":focus")));
}

/** Closes the palette as Escape does, and presses its key before the browser dispatches the event `close`. */
const REOPEN = `(async () => {
  const dialog = document.querySelector("dialog[open]");
  const closed = new Promise((resolve) => dialog.addEventListener("close", resolve));
  dialog.requestClose();
  // Lets the page render.
  for (let i = 0; i < 100; i++) await undefined;
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true, bubbles: true }));
  await closed;
})()`;

/** Opens the palette, types, and runs the best match. */
async function command(page: Page, text: string): Promise<void> {
  await openPalette(page);
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
  await paletteOf(page).waitFor({ state: "detached" });
}

test("receives what was typed while its code was loaded, and the page does not", async () => {
  for (const key of ["rover:camera", "rover:log"]) await redis.control.call("XADD", key, "1-0", "d", "x");
  await using console = await openConsole(browser, gateway.http);
  const { page } = console;
  await page.getByRole("treegrid", { name: "Streams" }).getByRole("button", { name: "rover:log" }).waitFor();
  let load = (): void => undefined;
  const mayLoad = new Promise<void>((resolve) => {
    load = resolve;
  });
  await page.route("**/palette-dialog*.js", async (route) => {
    await mayLoad;
    await route.continue();
  });
  await page.keyboard.press("/");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("open log");
  await page.keyboard.press("Enter");
  expect(await page.locator("#search").inputValue()).toBe("");
  load();
  await paneOf(page, "rover:log").waitFor();
  await paletteOf(page).waitFor({ state: "detached" });
});

test("opens streams, layouts, panels and themes by keyboard, and is accessible", async () => {
  for (const key of ["rover:camera", "rover:imu", "rover:log"])
    await redis.control.call("XADD", key, "1-0", "d", "x");
  await using console = await openConsole(browser, gateway.http);
  const { page } = console;
  await page.getByRole("treegrid", { name: "Streams" }).getByRole("button", { name: "rover:log" }).waitFor();
  // Also from a field.
  await page.keyboard.press("/");
  await openPalette(page);
  const palette = paletteOf(page);
  const field = palette.getByRole("combobox", { name: "Command" });
  const active = async () => {
    const id = await field.getAttribute("aria-activedescendant");
    return id === null ? undefined : await palette.locator(`#${id}`).textContent();
  };
  await page.keyboard.type("open rover:");
  await until("it is found", async () => (await active()) === "Open rover:camera");
  await page.keyboard.press("ArrowDown");
  await until("it is the next one", async () => (await active()) === "Open rover:imu");
  expect(await palette.getByRole("option", { selected: true }).textContent()).toBe("Open rover:imu");
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await until("it is the last one", async () => (await active()) === "Open rover:log");
  await page.keyboard.type("zzz");
  await palette.getByText("No command has these words.").waitFor();
  await page.keyboard.press("Escape");
  await palette.waitFor({ state: "detached" });
  await until("the field has the focus again", () =>
    page.locator("#search").evaluate((one) => one.matches(":focus")),
  );

  await command(page, "open log");
  await paneOf(page, "rover:log").waitFor();
  await command(page, "pause");
  await paneOf(page, "rover:log").getByText("paused").waitFor();
  await openPalette(page);
  await page.keyboard.type("copy link");
  await until("it is found", async () => (await active()) === "Copy the link to this moment");
  await page.evaluate(REOPEN);
  await until("another one has the focus", () =>
    palette.getByRole("combobox").evaluate((one) => one.matches(":focus:placeholder-shown")),
  );
  await page.keyboard.press("Escape");
  await command(page, "live");
  await paneOf(page, "rover:log").getByText("no data").waitFor();
  await command(page, "view raw");
  expect(page.url()).toContain("open=rover%3Alog&view=raw");
  await command(page, "unpin");
  expect(page.url()).toContain("at=live");
  await command(page, "pin rover:log to");
  expect(page.url()).not.toContain("at=live");
  await command(page, "preset camera");
  await paneOf(page, "rover:imu").waitFor();
  await command(page, "theme dark");
  expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  await command(page, "panel events");
  await paneOf(page, "Events").waitFor();
  await command(page, "go to");
  await until("the field has the focus", () =>
    page.locator("#go-to").evaluate((one) => one.matches(":focus")),
  );
  await command(page, "help");
  await page.getByRole("dialog", { name: "Keyboard" }).getByText("Follow live").waitFor();
  expect(console.problems).toEqual([]);
});

test("records the open streams, and shows the recording", async () => {
  await redis.control.call("XADD", "rover:log", "1-0", "d", "x");
  await using console = await openConsole(browser, gateway.http, "#open=rover:log&view=text");
  const { page } = console;
  await paneOf(page, "rover:log").waitFor();
  await command(page, "record rover:log");
  const recording = page.getByRole("region", { name: /^Recording / });
  await recording.getByText("recording", { exact: true }).waitFor();
  await recording.getByRole("button", { name: "Stop" }).click();
  await recording.getByText("stopped", { exact: true }).waitFor();
  expect(console.problems).toEqual([]);
});

test("offers to reload the page where code cannot be loaded, as after an upgrade of the gateway", async () => {
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#0f0" } })
    .png()
    .toBuffer();
  await redis.control.call("XADD", "rover:camera", "1-0", "d", png);
  await redis.control.call("XADD", "rover:log", "1-0", "d", "hello");
  const { context } = browser;
  const files = /\/console\/(palette-dialog|raw-view|inspector|picture-worker|events-panel)-[^/]*\.js$/;
  await context.route(files, (route) => route.fulfill({ status: 404 }));
  const hash = "#open=rover:log&view=raw&open=rover:camera&show=events";
  await using console = await openConsole(browser, gateway.http, hash);
  const { page } = console;
  const reload = { name: "Reload the page" };
  for (const name of ["rover:log", "rover:camera", "Events"])
    await paneOf(page, name).getByRole("button", reload).waitFor();
  const inspector = page.getByRole("complementary", { name: "Selected stream" });
  // A second try of this test finds it open.
  if (!(await inspector.isVisible()))
    await page.getByRole("button", { name: "Inspector", exact: true }).click();
  await inspector.getByRole("button", reload).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press("Control+k");
  const palette = paletteOf(page);
  await palette.getByRole("button", reload).waitFor();
  await page.evaluate(REOPEN);
  await palette.getByRole("button", reload).waitFor();
  await page.keyboard.press("Escape");
  await palette.waitFor({ state: "detached" });
  await page.keyboard.press("Control+k");
  await palette.getByRole("button", reload).waitFor();
  await context.unroute(files);
  await page.keyboard.press("Enter");
  await paneOf(page, "rover:log").getByText("68 65 6c 6c 6f").waitFor();
  await paneOf(page, "rover:camera").getByText("8 × 8").waitFor();
});
