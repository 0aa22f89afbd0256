#!/usr/bin/env node
// @ts-check
/**
 * Takes the README's screenshot of the console, `docs/console.png` (`npm run picture`). It starts a gateway with its own Redis
 * and a rover that pushes: camera, detections, IMU, microphone and log.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { connect } from "../dist/client/index.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STREAMS = ["rover:camera", "rover:imu", "rover:mic", "rover:log"];
/** Samples per second. */
const MIC_RATE = 8000;
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
  const stop = startDevices(url);
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await new Promise((resolve) => setTimeout(resolve, PUSH_MS));
  const panes = STREAMS.map((key) => `open=${encodeURIComponent(key)}&view=auto`).join("&");
  await page.goto(`${url}/#${panes}`);
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

/** @param {string} url @returns {() => Promise<void>} a function that stops them */
function startDevices(url) {
  const streamer = connect(url);
  const device = "rover";
  const camera = streamer.push("camera", { device });
  const imu = streamer.push("imu", { device });
  const mic = streamer.push("mic", { device });
  const detections = streamer.push("detections", { device });
  const log = streamer.push("log", { device });
  void streamer.setMeta("detections", { view: "boxes", of: "camera" }, { device });
  void streamer.setMeta("mic", { sampleRate: MIC_RATE, format: "s16le" }, { device });
  let n = 0;
  // Errors of entries in flight at the end are ignored.
  /** @param {import("../dist/client/pushing/push.js").Push} push @param {string | Uint8Array} data */
  const send = (push, data) => push.send(data).catch(() => undefined);
  const timer = setInterval(async () => {
    n++;
    const wave = { x: Math.sin(n / 25), y: Math.cos(n / 40) / 2, z: 1 + Math.sin(n / 7) / 20 };
    void send(imu, JSON.stringify({ acc: wave }));
    if (n % 40 === 0)
      void send(log, JSON.stringify({ level: "info", message: `lap ${n / 40}`, battery: "ok" }));
    if (n % 5 === 0) void send(mic, sound(n * 20));
    if (n % 2 !== 0) return;
    const picture = await frame(n);
    void send(camera, picture);
    const [x, y, width, height] = carAt(n);
    void send(detections, JSON.stringify({ boxes: [{ x, y, width, height, label: "car", score: 0.93 }] }));
  }, 20);
  return async () => {
    clearInterval(timer);
    await Promise.all([camera, detections, imu, mic, log].map((push) => push.close()));
  };
}

/** Returns 0.1 s of a tone with changing volume. @param {number} fromMs @returns {Uint8Array} */
function sound(fromMs) {
  const samples = Int16Array.from({ length: MIC_RATE / 10 }, (_, i) => {
    const seconds = fromMs / 1000 + i / MIC_RATE;
    return (
      14_000 * Math.sin(seconds * 700) * Math.sin(seconds * 2.2) ** 2 * (1 - 0.6 * Math.sin(seconds * 9) ** 2)
    );
  });
  return new Uint8Array(samples.buffer);
}

/** Returns the box of the car on the road. @param {number} n @returns {readonly [number, number, number, number]} */
function carAt(n) {
  const far = (1 + Math.sin(n / 60)) / 2;
  return [250 + 40 * far, 200 - 10 * far, 90 - 30 * far, 60 - 20 * far];
}

/** Draws a frame of a moving road. @param {number} n @returns {Promise<Buffer>} */
function frame(n) {
  const marks = [0, 1, 2, 3].map((i) => {
    const far = ((n / 40 + i / 4) % 1) ** 2;
    return `<rect x="${318 - 10 * far}" y="${170 + 190 * far}" width="${4 + 20 * far}" height="${4 + 46 * far}" fill="#fff"/>`;
  });
  const [x, y, width, height] = carAt(n);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"><rect width="640" height="170" fill="#8ec5e8"/>
    <rect y="170" width="640" height="190" fill="#5c8a4a"/><path d="M300 170h40l220 190H80z" fill="#4a4e54"/>
    <circle cx="520" cy="60" r="28" fill="#ffe08a"/>${marks.join("")}
    <rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" fill="#c85a3c"/></svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 85 }).toBuffer();
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
