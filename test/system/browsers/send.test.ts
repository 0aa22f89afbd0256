/** The page `/send` in a browser with a fake camera and microphone, as on a phone. */
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { connect, type PulledEntry, type Streamer } from "../../../client/index.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { axeViolations } from "../../support/browser/console-page.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys } from "../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

/** Maximum size of the first view, bytes gzipped. */
const MAX_BYTES = 50_000;

/** Sends a reading of the motion sensors every 20 ms, as a phone does. */
const MOVE = `setInterval(() => dispatchEvent(new DeviceMotionEvent("devicemotion", {
  accelerationIncludingGravity: { x: 0.1, y: 0.2, z: 9.81 }, rotationRate: { alpha: 60, beta: 90, gamma: -90 },
})), 20)`;

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;
let streamer: Streamer;

beforeAll(async () => {
  browser = await startBrowser(
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
  );
  await browser.context.grantPermissions(["geolocation", "accelerometer", "gyroscope"]);
  await browser.context.setGeolocation({ latitude: 52.01, longitude: 4.36, accuracy: 8 });
});
afterAll(() => browser[Symbol.asyncDispose]());
beforeEach(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    PORT: String(await freePort()),
    ALLOWED_HOSTS: "phone.example",
  });
  streamer = connect(gateway.http);
});
afterEach(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

interface OpenSender extends AsyncDisposable {
  readonly page: Page;
  readonly requests: string[];
  /** Errors and content security policy violations. */
  readonly problems: string[];
}

async function openSender(url = `${gateway.http}/send?device=phone`, width = 390): Promise<OpenSender> {
  const page = await browser.context.newPage();
  await page.setViewportSize({ width, height: 844 });
  const requests: string[] = [];
  const problems: string[] = [];
  page.on("request", (one) => requests.push(one.url()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  await page.goto(url);
  return { page, requests, problems, [Symbol.asyncDispose]: () => page.close() };
}

const start = (page: Page, sensor: string) => page.getByRole("button", { name: `Start ${sensor}` }).click();
const cardOf = (page: Page, title: string) => page.getByRole("region", { name: title, exact: true });
const chipOf = async (page: Page, title: string) =>
  cardOf(page, title).locator(".chip").first().textContent();

/** Returns a figure of a card; 0 if it is not shown. */
async function figureOf(page: Page, title: string, name: string): Promise<number> {
  const figures = cardOf(page, title).locator(".figures div", { hasText: name }).locator("dd");
  const [text = "0"] = await figures.allTextContents();
  return Number.parseInt(text.replaceAll(",", ""), 10);
}

/** Returns the largest magnitude of 16-bit samples, big-endian. */
function peakOf(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return Math.max(...Array.from({ length: data.length / 2 }, (_, i) => Math.abs(view.getInt16(2 * i))));
}

const entriesOf = async (stream: string, device = "phone") => {
  const entries: PulledEntry[] = [];
  for await (const entry of streamer.entries(stream, { device })) entries.push(entry);
  return entries;
};
const lengthOf = async (stream: string) => Number(await redis.control.call("XLEN", `phone:${stream}`));
const declared = (stream: string) => streamer.meta(stream, { device: "phone" });

test("pictures, sound, motion and the position arrive as streams with their declared content", async () => {
  await using sender = await openSender();
  const { page, problems } = sender;
  await page.evaluate(MOVE);
  for (const sensor of ["camera", "microphone", "motion sensor", "position"]) await start(page, sensor);
  for (const [stream, count] of [
    ["camera", 3],
    ["mic", 12],
    ["motion", 10],
    ["gps", 1],
  ] as const)
    await until(`entries of ${stream}`, async () => (await lengthOf(stream)) >= count);

  for (const title of ["Camera", "Microphone", "Motion", "Position"])
    await until(`${title} looks like sending`, async () => (await chipOf(page, title)) === "sending");
  await cardOf(page, "Camera").locator("video").waitFor();

  const [picture] = await entriesOf("camera");
  expect(await sharp(picture?.data).metadata()).toMatchObject({ format: "jpeg", width: 640, height: 480 });
  expect(await declared("camera")).toEqual({ contentType: "image/jpeg" });

  const sound = await entriesOf("mic");
  expect(new Set(sound.map(({ data }) => data.length))).toEqual(new Set([3200]));
  // The fake microphone beeps once per second.
  const loudest = Math.max(...sound.map(({ data }) => peakOf(data)));
  expect(loudest).toBeGreaterThan(1000);
  expect(await declared("mic")).toEqual({ contentType: "audio/L16;rate=16000;channels=1" });

  const motion = (await entriesOf("motion"))[0]?.json() as { readonly time: number };
  expect(motion).toEqual({
    time: expect.any(Number),
    acc: { x: 0.1, y: 0.2, z: 9.81 },
    gyro: { x: 1.5708, y: -1.5708, z: 1.0472 },
  });
  // Not a time since the start of the page.
  expect(new Date(motion.time).getUTCFullYear()).toBe(new Date().getUTCFullYear());
  expect(await declared("motion")).toMatchObject({
    contentType: "application/json",
    units: { "acc.x": "m/s^2", "gyro.z": "rad/s", time: "ms" },
  });

  const [fix] = await entriesOf("gps");
  expect(fix?.json()).toMatchObject({ latitude: 52.01, longitude: 4.36, accuracy: 8 });
  expect(await declared("gps")).toMatchObject({
    contentType: "application/json",
    schema: { name: "foxglove.LocationFix", encoding: "jsonschema" },
    units: { latitude: "deg", speed: "m/s" },
  });

  const link = page.getByRole("link", { name: "Open in the console" });
  expect(await link.getAttribute("href")).toBe(
    `${gateway.http}/#open=phone%3Acamera&open=phone%3Amic&open=phone%3Amotion&open=phone%3Agps`,
  );
  expect(problems).toEqual([]);
});

test("a choice applies at once, a stop ends the stream, and so does closing the page", async () => {
  await using sender = await openSender();
  const { page } = sender;
  const card = cardOf(page, "Camera");
  await card.getByLabel("Size").selectOption("320×240");
  await start(page, "camera");
  await until("pictures", async () => (await lengthOf("camera")) > 1);
  await card.getByLabel("Size").selectOption("1280×720");
  const widthOf = async () => (await sharp((await entriesOf("camera")).at(-1)?.data).metadata()).width;
  await until("larger pictures", async () => (await widthOf()) === 1280);
  await page.getByRole("button", { name: "Stop camera" }).click();
  await until("it is off", async () => (await chipOf(page, "Camera")) === "off");
  const { length } = await entriesOf("camera");
  expect(await figureOf(page, "Camera", "Stored")).toBe(length);

  await start(page, "microphone");
  await until("sound", async () => (await lengthOf("mic")) > 1);
  const open = async () =>
    (await request(`${gateway.http}/admin/connections`)).json() as readonly { readonly kind: string }[];
  expect((await open()).some(({ kind }) => kind === "push")).toBe(true);
  await page.close();
  await until("nothing is pushed", async () => (await open()).every(({ kind }) => kind !== "push"));
  expect(await lengthOf("camera")).toBe(length);
});

test("counts what waits and what is skipped while the gateway is unreachable, and stores what waited", async () => {
  await using sender = await openSender();
  const { page } = sender;
  await page.evaluate(MOVE);
  await start(page, "camera");
  await start(page, "motion sensor");
  await until("readings", async () => (await lengthOf("motion")) > 5 && (await lengthOf("camera")) > 1);
  const { port } = new URL(gateway.http);
  await gateway.close();
  await page.getByText("gateway unreachable, reconnecting").waitFor();
  for (const title of ["Camera", "Motion"])
    await until(
      `${title} does not look like sending`,
      async () => (await chipOf(page, title)) === "not stored now",
    );
  const skipped = await figureOf(page, "Camera", "Skipped");
  await until(
    "skipped pictures are counted",
    async () => (await figureOf(page, "Camera", "Skipped")) > skipped + 5,
  );
  await until("waiting readings are counted", async () => (await figureOf(page, "Motion", "Waiting")) > 50);

  gateway = await startTestGateway(redis.url, { PORT: port });
  await until("it sends again", async () => (await chipOf(page, "Motion")) === "sending");
  await page.getByRole("button", { name: "Stop motion sensor" }).click();
  await until("it is off", async () => (await chipOf(page, "Motion")) === "off");
  const stored = await entriesOf("motion");
  expect(await figureOf(page, "Motion", "Stored")).toBe(stored.length);
  expect(await cardOf(page, "Motion").getByText("Dropped").count()).toBe(0);
  const times = stored.map((entry) => (entry.json() as { time: number }).time);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test("sends files: an image as one entry with its type, others in parts", async () => {
  await using sender = await openSender();
  const { page } = sender;
  const png = await sharp({ create: { width: 64, height: 48, channels: 3, background: "#0f0" } })
    .png()
    .toBuffer();
  await page.getByLabel("Choose files").setInputFiles([
    { name: "green.png", mimeType: "image/png", buffer: png },
    { name: "noise.bin", mimeType: "", buffer: Buffer.alloc(300_000, 7) },
  ]);
  await page.getByText("2 files: stored as 3 entries.").waitFor();
  const entries = await entriesOf("file");
  expect(entries.map(({ data }) => data.length)).toEqual([png.length, 262_144, 37_856]);
  const fieldOf = (entry: PulledEntry | undefined, name: string) =>
    new TextDecoder().decode(entry?.fields?.get(name) as Uint8Array);
  expect(fieldOf(entries[0], "content-type")).toBe("image/png");
  expect(fieldOf(entries[2], "file")).toBe("noise.bin");
  expect(fieldOf(entries[2], "offset")).toBe("262144");
});

test("rejects bad names with a reason, and remembers a good one", async () => {
  await using sender = await openSender(`${gateway.http}/send`);
  const { page } = sender;
  const name = page.getByLabel("Name of this device");
  expect(await name.inputValue()).toMatch(/^\w+-\d+$/);
  for (const [bad, reason] of [
    ["", "Enter a name for this device."],
    ["a:b", "must not contain a colon"],
    ["cam-*", "must not contain an asterisk"],
    ["x".repeat(65), "at most 64 characters, got 65"],
  ] as const) {
    await name.fill(bad);
    await page.getByText(reason).waitFor();
    for (const button of await page.getByRole("button", { name: "Start" }).all())
      expect(await button.isDisabled()).toBe(true);
    expect(await page.getByLabel("Choose files").isDisabled()).toBe(true);
  }
  await name.fill("Küche 1");
  await start(page, "microphone");
  await until("sound", async () => Number(await redis.control.call("XLEN", "Küche 1:mic")) > 0);
  expect(await name.isDisabled()).toBe(true);
  await page.goto(`${gateway.http}/send`);
  expect(await name.inputValue()).toBe("Küche 1");
});

test("without HTTPS, names the settings that make the sensors available", async () => {
  await using sender = await openSender(`${gateway.http.replace("127.0.0.1", "phone.example")}/send`);
  const { page } = sender;
  await page.getByRole("heading", { name: "need HTTPS" }).waitFor();
  for (const setting of ["TLS_CERT", "TLS_KEY"])
    await page.locator("p code", { hasText: setting }).first().waitFor();
  await page.getByText("https://phone.example:").waitFor();
  for (const title of ["Camera", "Microphone", "Motion", "Position"])
    expect(await chipOf(page, title)).toBe("not available");
  expect(await page.getByRole("button", { name: "Start" }).count()).toBe(0);
  // Files need no permission of the browser.
  const file = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("hello") };
  await page.getByLabel("Choose files").setInputFiles(file);
  await page.getByText("a.txt: stored as 1 entry.").waitFor();
});

test("with authentication: the link survives the login, and only permitted streams can be sent", async () => {
  using keys = createTestKeys();
  const secret = keys.add("lab", ["write:phone:mic"]);
  await using closed = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  await using sender = await openSender(`${closed.http}/send?device=phone`);
  const { page } = sender;
  await page.getByLabel("Key or token").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
  await cardOf(page, "Camera").getByText("may not write the stream phone:camera").waitFor();
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/send?device=phone");
  expect(await page.getByRole("button", { name: "Start camera" }).count()).toBe(0);
  await start(page, "microphone");
  await until("sound", async () => (await lengthOf("mic")) > 0);
  await page.getByRole("button", { name: "Stop microphone" }).click();
  await until("it is off", async () => (await chipOf(page, "Microphone")) === "off");

  await start(page, "microphone");
  await until("it sends", async () => (await chipOf(page, "Microphone")) === "sending");
  keys.revoke("lab");
  await cardOf(page, "Microphone").getByRole("alert").getByRole("link", { name: "Log in" }).waitFor();
  await page.context().clearCookies();
});

test("without device prefixes, shows the names that the streams have", async () => {
  await using plain = await startTestGateway(redis.url, { DISABLE_MULTI_DEVICE_PREFIXING: "1" });
  await using sender = await openSender(`${plain.http}/send?device=phone`);
  const { page, problems } = sender;
  await page.getByText("the streams are camera, mic and so on, whatever the name").waitFor();
  await start(page, "microphone");
  await until("sound", async () => Number(await redis.control.call("XLEN", "mic")) > 0);
  const link = page.getByRole("link", { name: "Open in the console" });
  expect(await link.getAttribute("href")).toBe(`${plain.http}/#open=mic`);
  expect(problems).toEqual([]);
});

test("a refused permission reports what to do, and so does code that an upgraded gateway no longer has", async () => {
  await using sender = await openSender();
  const { page } = sender;
  const files = /\/console\/frame-clock-worker-[^/]*\.js$/;
  await browser.context.route(files, (route) => route.fulfill({ status: 404 }));
  // The request of a worklet is not routed.
  await page.evaluate(`{
    const { addModule } = AudioWorklet.prototype;
    AudioWorklet.prototype.addModule = function (url) { return addModule.call(this, url + "-old"); };
  }`);
  for (const [sensor, title] of [
    ["camera", "Camera"],
    ["microphone", "Microphone"],
  ] as const) {
    await start(page, sensor);
    await cardOf(page, title).getByText("may have been upgraded since the page was opened. Reload").waitFor();
  }
  await browser.context.unroute(files);
  await page.evaluate(
    `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("denied", "NotAllowedError"))`,
  );
  await start(page, "camera");
  await page.getByText("Access to the camera was refused. Allow it in the settings of this site").waitFor();
  expect(await chipOf(page, "Camera")).toBe("refused");
  expect(await lengthOf("camera")).toBe(0);
});

test("the first view is small, loads only from this host, and only this page may use sensors", async () => {
  await using sender = await openSender();
  const { page, requests, problems } = sender;
  await page.getByRole("button", { name: "Start camera" }).waitFor();
  const files = requests.filter((url) => url.includes("/console/") || url.includes("/send"));
  let bytes = 0;
  for (const url of files)
    bytes += gzipSync((await request(url, { headers: { accept: "text/html" } })).body).length;
  expect(files.length).toBeGreaterThanOrEqual(3);
  expect(bytes).toBeLessThan(MAX_BYTES);
  expect(requests.filter((url) => !url.startsWith(gateway.http) && !url.startsWith("data:"))).toEqual([]);
  const policyOf = async (path: string) =>
    (await request(gateway.http + path, { headers: { accept: "text/html" } })).headers["permissions-policy"];
  expect(await policyOf("/send")).toBe(
    "camera=(self), microphone=(self), geolocation=(self), accelerometer=(self), gyroscope=(self)",
  );
  for (const path of ["/", "/docs", "/login", "/graphql"])
    expect(await policyOf(path)).toBe(
      "camera=(), microphone=(), geolocation=(), accelerometer=(), gyroscope=()",
    );
  expect(problems).toEqual([]);
});

test("the empty console links to the page", async () => {
  const page = await browser.context.newPage();
  await page.goto(gateway.http);
  await page.getByRole("link", { name: "Send from a phone" }).click();
  await page.getByRole("heading", { name: "Send from this device" }).waitFor();
  await page.close();
});

test.each([
  ["light", 390],
  ["dark", 390],
  ["light", 1440],
  ["dark", 1440],
] as const)("has no axe violations and no sideways scroll, %s at %s pixels", async (theme, width) => {
  await using sender = await openSender(undefined, width);
  const { page } = sender;
  await page.emulateMedia({ colorScheme: theme });
  await page.getByLabel("Name of this device").fill("a:b");
  await page.getByText("must not contain a colon").waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await page.getByLabel("Name of this device").fill("a very long name without an end".padEnd(64, "x"));
  for (const sensor of ["camera", "microphone", "motion sensor", "position"]) await start(page, sensor);
  await cardOf(page, "Camera").getByText("Stored").waitFor();
  await cardOf(page, "Motion").getByText("Computers have no motion sensor").waitFor();
  expect(await axeViolations(page)).toEqual([]);
  expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
  // Targets for a thumb (WCAG 2.5.5).
  const heights = await page
    .locator("button, select, a.button, input:not(.unseen)")
    .evaluateAll((all) => all.map((one) => (one as unknown as Sized).getBoundingClientRect().height));
  expect(heights.filter((height) => height < 44)).toEqual([]);
});

/** The part of the browser's elements used above: tests are compiled without DOM types. */
interface Sized {
  getBoundingClientRect(): { readonly height: number };
}
