/** Programs that show MJPEG (Chromium, ffmpeg, OpenCV, mjpeg-consumer), each with a camera that also sends hostile data. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import MjpegConsumer from "mjpeg-consumer";
import sharp from "sharp";
import { expect, test } from "vitest";
import { startBrowser } from "../../support/browser/browser.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

const add = (stream: string, data: Uint8Array | string) =>
  redis.control.call("XADD", `default:${stream}`, "*", "d", data);

/** A JPEG of a given width, with a comment that looks like the end of a part (ITU T.81, B.2.4.5). */
async function picture(width: number): Promise<Buffer> {
  const jpeg = await sharp({ create: { width, height: 16, channels: 3, background: "teal" } })
    .jpeg()
    .toBuffer();
  const comment = Buffer.from("\r\n--\r\n\r\n--frame\r\nContent-Type: text/plain\r\n\r\n");
  const head = Buffer.from([0xff, 0xfe, 0, comment.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), head, comment, jpeg.subarray(2)]);
}

/** Entries of a camera's stream that are not pictures. */
const NOT_PICTURES = ["", "text", '{"t": 21.5}', Uint8Array.of(0xff, 0xd8)];

/** Adds pictures of these widths round robin, with other entries in between, until it is stopped. */
function startCamera(stream: string, widths: readonly number[]): () => Promise<void> {
  let isStopped = false;
  const running = (async () => {
    const pictures = await Promise.all(widths.map(picture));
    for (let i = 0; !isStopped; i++) {
      await add(stream, pictures[i % pictures.length] ?? "");
      await add(stream, NOT_PICTURES[i % NOT_PICTURES.length] ?? "");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  return () => {
    isStopped = true;
    return running;
  };
}

/** Runs a program until it exits. @returns its output */
async function run(program: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${text}`);
  return text;
}

test("Chromium shows each picture at once, and continues after entries that are not pictures", async () => {
  await using browser = await startBrowser();
  const page = await browser.context.newPage();
  await add("seen", await picture(16));
  await page.goto(`${gateway.http}/healthz`);
  const url = `${gateway.http}/data/seen/mjpeg`;
  await page.evaluate(
    `globalThis.image = document.body.appendChild(new Image()); image.src = ${JSON.stringify(url)};`,
  );
  const shows = (width: number) =>
    until(`a picture of ${width} pixels`, async () => (await page.evaluate("image.naturalWidth")) === width);
  await shows(16);
  for (const [i, data] of NOT_PICTURES.entries()) {
    await add("seen", data);
    await add("seen", await picture(32 + i));
    await shows(32 + i);
  }
});

test("ffmpeg reads pictures", async () => {
  const stop = startCamera("ffmpeg", [48]);
  const url = `${gateway.http}/data/ffmpeg/mjpeg`;
  const strict = ["-strict_mime_boundary", "1"];
  const output = await run(
    "ffmpeg",
    "-hide_banner",
    "-f",
    "mpjpeg",
    ...strict,
    "-i",
    url,
    "-frames:v",
    "10",
    "-f",
    "null",
    "-",
  );
  await stop();
  expect(output).toMatch(/Video: mjpeg.* 48x16/);
  expect(output).toMatch(/frame= *10 /);
  expect(output).not.toMatch(/error|Expected boundary|invalid/i);
});

test("OpenCV reads pictures", async () => {
  const stop = startCamera("opencv", [64]);
  const code = `
import cv2, sys
capture = cv2.VideoCapture(sys.argv[1])
print([capture.read()[1].shape[1] for _ in range(10)])`;
  const output = await run("/usr/bin/python3", "-c", code, `${gateway.http}/data/opencv/mjpeg`);
  await stop();
  expect(output).toBe(`[${Array(10).fill(64).join(", ")}]\n`);
});

test("mjpeg-consumer reads pictures", async () => {
  await add("consumer", await picture(80));
  const seen: Buffer[] = [];
  const request = get(`${gateway.http}/data/consumer/mjpeg`, (response) => {
    response.pipe(new MjpegConsumer()).on("data", (one: Buffer) => {
      // The gateway repeats the last picture every HEARTBEAT_MS.
      if (!seen.at(-1)?.equals(one)) seen.push(one);
    });
  });
  for (const width of [81, 82, 83]) {
    await until("a picture arrives", () => seen.length > width - 81);
    await add("consumer", "not a picture");
    await add("consumer", await picture(width));
  }
  await until("the last one arrives", () => seen.length > 3);
  request.destroy();
  const widths = await Promise.all(seen.map(async (one) => (await sharp(one).metadata()).width));
  expect(widths).toEqual([80, 81, 82, 83]);
});
