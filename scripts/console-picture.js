#!/usr/bin/env node
// @ts-check
/**
 * Takes the README's screenshot of the console, `docs/console.png`, and then its animation, `docs/console.webp`
 * (`npm run picture`). It starts a gateway with its own Redis, and the demo device.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
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
/** Layout of the animation: camera and track above a plot of two streams and the log. */
const ANIMATION_LAYOUT =
  "open=rover:camera&open=rover:gps&open=rover:imu&view=plot&line=l0:acc.y&line=l1:acc.z&of=rover:gps&line=r2:speed&open=rover:log&view=text&grid=v(h(0!*560,1!*440)*520,h(2!*600,3!*400)*480)*1000";
/** The animation begins at this point of the round of the rover, s: just before it tips over. */
const ANIMATION = { atSeconds: 16, seconds: 11, fps: 6, width: 960, quality: 60 };
/** Start in the round of the rover for the animation, so that plots and track have data when it begins. */
const ANIMATION_FROM_SECONDS = 4;
/** Duration of a round of the rover, s. */
const ROUND_SECONDS = 40;
const MAX_ANIMATION_BYTES = 2e6;
/** Start in the round of the rover, s: in the screenshot, about 13 s later, it drives again after it tipped over. */
const FROM_SECONDS = 14;
/** Time before the screenshot, ms, so that the plots have data. */
const PUSH_MS = 8000;

await withGateway(takePicture);
// A gateway of its own, so that its plots and its track have only the entries of its device.
await withGateway(recordAnimation);

/** @param {(url: string) => Promise<void>} action */
async function withGateway(action) {
  const folder = mkdtempSync(join(tmpdir(), "console-picture-"));
  const gateway = spawn(process.execPath, [join(ROOT, "scripts/start.js")], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: "0", LOG_FORMAT: "json" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await action(await addressOf(gateway.stdout));
  } finally {
    const gone = new Promise((resolve) => gateway.once("exit", resolve));
    gateway.kill();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} url */
async function takePicture(url) {
  const stop = startDemoDevice(connect(url), {
    device: "rover",
    fromSeconds: FROM_SECONDS,
    // Without its entries, the waits below time out.
    onError: () => undefined,
  });
  const { browser, page } = await openBrowser(1440, 900);
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

/** @param {string} url */
async function recordAnimation(url) {
  const { atSeconds, seconds, width } = ANIMATION;
  const fromSeconds = ANIMATION_FROM_SECONDS;
  const onError = () => undefined;
  const startMs = performance.now();
  const stop = startDemoDevice(connect(url), { device: "rover", fromSeconds, onError });
  const { browser, page } = await openBrowser(1200, 750);
  await page.goto(`${url}/#${ANIMATION_LAYOUT}`);
  await page.getByRole("button", { name: "Stream list" }).click();
  await page.locator(".overlay").waitFor();
  await page.locator(".u-over").waitFor();
  await page.mouse.move(0, 0);
  const now = fromSeconds + (performance.now() - startMs) / 1000;
  // On a busy machine the page may open later, and the animation begins in the next round.
  await page.waitForTimeout(((atSeconds - now + ROUND_SECONDS) % ROUND_SECONDS) * 1000);
  const frames = await captureFrames(page, seconds);
  await browser.close();
  await stop();
  writeAnimation(frames, width);
}

/**
 * Captures the page.
 *
 * @param {import("playwright-core").Page} page
 * @param {number} seconds
 * @returns {Promise<readonly { readonly timeMs: number, readonly jpeg: Buffer }[]>}
 */
async function captureFrames(page, seconds) {
  /** @type {{ timeMs: number, jpeg: Buffer }[]} */
  const frames = [];
  const session = await page.context().newCDPSession(page);
  session.on("Page.screencastFrame", ({ data, sessionId, metadata }) => {
    frames.push({ timeMs: (metadata.timestamp ?? 0) * 1000, jpeg: Buffer.from(data, "base64") });
    session.send("Page.screencastFrameAck", { sessionId }).catch(() => undefined);
  });
  await session.send("Page.startScreencast", { format: "jpeg", quality: 92 });
  await page.waitForTimeout(seconds * 1000);
  await session.send("Page.stopScreencast");
  return frames;
}

/**
 * Writes the animation at a constant rate, because the page is captured whenever it changes.
 *
 * @param {readonly { readonly timeMs: number, readonly jpeg: Buffer }[]} frames
 * @param {number} width
 */
function writeAnimation(frames, width) {
  const { seconds, fps, quality } = ANIMATION;
  const first = frames[0]?.timeMs ?? 0;
  const images = mkdtempSync(join(tmpdir(), "console-animation-"));
  for (let n = 0; n < seconds * fps; n++) {
    const frame = frames.findLast(({ timeMs }) => timeMs <= first + (n * 1000) / fps);
    if (frame === undefined) throw new Error("the page was not captured");
    writeFileSync(join(images, `${String(n).padStart(4, "0")}.jpg`), frame.jpeg);
  }
  const file = join(ROOT, "docs/console.webp");
  const input = ["-framerate", String(fps), "-i", join(images, "%04d.jpg")];
  const scale = ["-vf", `scale=${width}:-2:flags=lanczos`];
  const encode = [
    "-c:v",
    "libwebp_anim",
    "-quality",
    String(quality),
    "-compression_level",
    "6",
    "-loop",
    "0",
  ];
  execFileSync("ffmpeg", ["-v", "error", "-y", ...input, ...scale, ...encode, file], { stdio: "inherit" });
  rmSync(images, { recursive: true });
  const { size } = statSync(file);
  if (size > MAX_ANIMATION_BYTES)
    throw new Error(`docs/console.webp has ${size} bytes, more than ${MAX_ANIMATION_BYTES}`);
}

/** @param {number} width @param {number} height */
async function openBrowser(width, height) {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
  });
  return { browser, page: await browser.newPage({ viewport: { width, height } }) };
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
