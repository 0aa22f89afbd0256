#!/usr/bin/env node
// @ts-check
/**
 * Takes the README's screenshot of the console, `docs/console.png` (`npm run picture`). It starts a gateway with its own Redis,
 * and the demo device.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { startDemoDevice } from "../dist/cli/demo/demo-device.js";
import { connect } from "../dist/client/index.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Layout of the page: the streams with their viewers. */
const LAYOUT =
  "open=rover:camera&view=auto&open=rover:imu&view=auto&open=rover:mic&view=auto&open=rover:log&view=text";
/** Start in the round of the rover, s: in the screenshot, about 13 s later, it drives again after it tipped over. */
const FROM_SECONDS = 14;
/** Time before the screenshot, ms, so that the plots have data. */
const PUSH_MS = 8000;

const folder = mkdtempSync(join(tmpdir(), "console-picture-"));
const gateway = spawn(process.execPath, [join(ROOT, "scripts/start.js")], {
  cwd: folder,
  env: { PATH: process.env.PATH, PORT: "0", LOG_FORMAT: "json" },
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  await takePicture(await addressOf(gateway.stdout));
} finally {
  const gone = new Promise((resolve) => gateway.once("exit", resolve));
  gateway.kill();
  await gone;
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} url */
async function takePicture(url) {
  const stop = startDemoDevice(connect(url), {
    device: "rover",
    fromSeconds: FROM_SECONDS,
    // Without its entries, the waits below time out.
    onError: () => undefined,
  });
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await new Promise((resolve) => setTimeout(resolve, PUSH_MS));
  await page.goto(`${url}/#${LAYOUT}`);
  await page.locator(".u-over").nth(1).waitFor();
  await page.locator(".overlay").waitFor();
  await page.locator(".tail li").first().waitFor();
  await page.getByText("fps").waitFor();
  // Rates require two polls of the list.
  await page.waitForTimeout(2500);
  const png = await page.screenshot();
  await sharp(png).png({ palette: true, colours: 128 }).toFile(join(ROOT, "docs/console.png"));
  await browser.close();
  await stop();
}

/** @param {import("node:stream").Readable} log @returns {Promise<string>} */
async function addressOf(log) {
  for await (const line of createInterface({ input: log })) {
    const { url } = JSON.parse(line);
    if (url !== undefined) {
      log.resume();
      return url;
    }
  }
  throw new Error("the gateway did not start");
}
