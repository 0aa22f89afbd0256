/** The console in a real browser while devices push. */
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { connect, type Push } from "../../../client/index.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import {
  axeViolations,
  bannerOf,
  colourOf,
  lastRow,
  openConsole as openConsolePage,
  openInspector,
  openStream,
  paneOf,
  pointAt,
  selectView,
  timeOf,
} from "../../support/browser/console-page.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys } from "../../support/gateway/keys.ts";
import { DURABLE, startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

/** Maximum size of the first view, bytes gzipped. */
const MAX_BYTES = 150_000;

let browser: TestBrowser;
let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser[Symbol.asyncDispose]());
beforeEach(async () => {
  redis = await startRedis(...DURABLE);
  gateway = await startTestGateway(redis.url, { PORT: String(await freePort()), REDIS_WAIT_MS: "500" });
});
afterEach(async () => {
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const openConsole = (hash = "") => openConsolePage(browser, gateway.http, hash);

const picture = (background: string) =>
  sharp({ create: { width: 64, height: 48, channels: 3, background } })
    .png()
    .toBuffer();

/** Pushes at a fixed rate until it is stopped. */
function keepPushing(push: Push, produce: (n: number) => Uint8Array | string): () => Promise<void> {
  let n = 0;
  const timer = setInterval(() => push.send(produce(n++)).catch(() => undefined), 20);
  return () => {
    clearInterval(timer);
    return push.close();
  };
}

test("the first view is small, loads only from this host, and obeys its content security policy", async () => {
  await using console = await openConsole();
  const { page, requests, problems } = console;
  await page.getByText("There are no streams yet").waitFor();
  const answer = await request(`${gateway.http}/`, { headers: { accept: "text/html" } });
  expect(answer.headers["content-security-policy"]).toContain("script-src 'self';");
  expect(answer.text).not.toMatch(/<style|<script(?![^>]*src=)|style="|\son\w+=/);
  const own = gateway.http.replace("http:", "");
  expect(requests.filter((url) => !/^(https?|ws):/.test(url) || !url.includes(own))).toEqual(
    requests.filter((url) => url.startsWith("data:")),
  );
  const files = [
    ...new Set(requests.filter((url) => url === `${gateway.http}/` || url.includes("/console/"))),
  ];
  expect(files.length).toBeGreaterThanOrEqual(3);
  let bytes = 0;
  for (const url of files) {
    const file = await request(url, { headers: { accept: "text/html" } });
    expect(file.status).toBe(200);
    if (url.includes("/console/")) expect(file.headers["cache-control"]).toContain("immutable");
    bytes += gzipSync(file.body).length;
  }
  expect(bytes).toBeLessThan(MAX_BYTES);
  expect(problems).toEqual([]);
});

test("returns JSON at / to programs", async () => {
  for (const accept of ["*/*", "application/json"])
    expect((await request(`${gateway.http}/`, { headers: { accept } })).json()).toMatchObject({
      name: "redis-streamer",
    });
});

test("draws images, plots numbers, and lists text and MessagePack live", async () => {
  const streamer = connect(gateway.http);
  const rover = { device: "rover" };
  const [camera, sine, log] = [
    streamer.push("cam", rover),
    streamer.push("imu", rover),
    streamer.push("log"),
  ];
  await camera.send(await picture("#f00"));
  await log.send("first");
  const sent = Array.from({ length: 100 }, (_, n) => Math.sin(n / 10));
  const startMs = Date.now() - 10_000;
  await sine.sendAll(
    sent.map((x, n) => ({ data: JSON.stringify({ acc: { x } }), id: `${startMs + 20 * n}-0` })),
  );
  await using console = await openConsole();
  const { page, problems } = console;

  const cam = await openStream(page, "rover:cam");
  await until("the idle image is drawn", async () => (await colourOf(cam)) === "100");
  for (const [background, colour] of [
    ["#0f0", "010"],
    ["#00f", "001"],
    ["#ff0", "110"],
  ] as const) {
    await camera.send(await picture(background));
    await until(`${background} is drawn`, async () => (await colourOf(cam)) === colour);
  }
  await cam.getByText("64 × 48").waitFor();

  const imu = await openStream(page, "rover:imu");
  const newest = imu
    .getByRole("region", { name: "Lines" })
    .getByRole("row", { name: "acc.x" })
    .locator(".value");
  await until(
    "the last value is in the legend",
    async () => (await newest.textContent())?.includes("-0.457536") === true,
  );
  const plot = imu.locator(".u-over");
  // The value changes from point to point, and so does the legend: about every fifth entry of the wave.
  for (let i = 1; i < 20; i++) {
    const near = sent.slice(Math.max(0, i * 5 - 2), i * 5 + 2);
    await until("the legend shows the value at the pointer", async () => {
      // The pane may still change its size.
      await pointAt(plot, i / 20);
      const value = Number(await newest.textContent());
      return near.some((x) => Math.abs(x - value) < 0.001);
    });
  }
  await sine.send('{"acc":{"x":7.5}}');
  await until("the new value is plotted", async () => (await newest.textContent())?.includes("7.5") === true);

  const tail = await openStream(page, "default:log");
  await until("the first row", async () => (await lastRow(tail).textContent()) === "first");
  for (let i = 0; i < 30; i++) await log.send(`line ${i}`);
  await until("the last row", async () => (await lastRow(tail).textContent()) === "line 29");
  expect(await tail.locator(".tail li").count()).toBe(31);
  await tail.getByLabel("Filter").fill("line 1");
  await until("filtered", async () => (await tail.locator(".tail li").count()) === 11);

  const packed = streamer.push("packed");
  await packed.send(Uint8Array.of(0x81, 0xa1, 0x6e, 0x07));
  const unpacked = await openStream(page, "default:packed");
  await selectView(page, "default:packed", "text");
  await until("it is decoded", async () => (await lastRow(unpacked).textContent()) === '{"n":7}');
  await selectView(page, "default:packed", "raw");
  await unpacked.getByText("81 a1 6e 07").waitFor();
  for (const push of [camera, sine, log, packed]) await push.close();
  expect(problems).toEqual([]);
});

test("pauses, moves through history, steps, and returns to live", async () => {
  const add = (n: number) => redis.control.call("XADD", "default:log", `${n}-0`, "d", `entry ${n}`);
  for (let n = 1000; n <= 1100; n++) await add(n);
  await using console = await openConsole();
  const pane = await openStream(console.page, "default:log");
  const shows = (n: number) =>
    until(`entry ${n} is the last`, async () => (await lastRow(pane).textContent()) === `entry ${n}`);
  await shows(1100);
  const time = timeOf(console.page);
  await time.getByRole("button", { name: "Pause" }).click();
  await add(1101);
  await time.getByRole("slider").fill("1050");
  await shows(1050);
  expect(await pane.locator(".tail li").count()).toBe(51);
  await time.getByRole("button", { name: "One entry back" }).click();
  await shows(1049);
  await time.getByRole("button", { name: "One entry forward" }).click();
  await shows(1050);
  await time.getByRole("slider").fill("1010");
  await shows(1010);
  await time.getByRole("button", { name: "Live" }).click();
  await shows(1101);
  await add(1102);
  await shows(1102);
  expect(console.problems).toEqual([]);
});

test("links to the viewers of Foxglove and Lichtblick", async () => {
  await redis.control.call("XADD", "rover:imu", "*", "d", "{}");
  await using console = await openConsole();
  const { page } = console;
  await page.getByRole("button", { name: "Open in a viewer" }).click();
  const url = encodeURIComponent(`${gateway.ws}/foxglove`);
  for (const [name, start] of [
    ["Open in Foxglove", "https://app.foxglove.dev/~/view?"],
    ["Open in Lichtblick", "https://lichtblick-suite.github.io/lichtblick/?"],
  ] as const) {
    const link = page.getByRole("link", { name, exact: true });
    expect(await link.getAttribute("href")).toBe(`${start}ds=foxglove-websocket&ds.url=${url}`);
    expect((await link.boundingBox())?.x).toBeGreaterThanOrEqual(0);
  }
  expect(console.problems).toEqual([]);
});

test("restores open streams from the URL until they are closed", async () => {
  for (const key of ["default:a b", "rover:x&y"]) await redis.control.call("XADD", key, "*", "d", "hello");
  await using console = await openConsole();
  const { page } = console;
  for (const key of ["default:a b", "rover:x&y"]) await openStream(page, key);
  await selectView(page, "rover:x&y", "raw");
  await page.reload();
  await paneOf(page, "rover:x&y").getByText("68 65 6c 6c 6f").waitFor();
  await using shared = await openConsole(new URL(page.url()).hash);
  await shared.page.getByText("68 65 6c 6c 6f").waitFor();
  expect(await shared.page.locator(".pane-tab .unseen").allTextContents()).toEqual([
    "default:a b",
    "rover:x&y",
  ]);
  await page.getByRole("button", { name: "Close rover:x&y" }).click();
  await page.getByRole("button", { name: "Close default:a b" }).click();
  expect(new URL(page.url()).hash).toBe("");
});

test("edits metadata, pushes an entry, and deletes a stream after its name was typed", async () => {
  const streamer = connect(gateway.http);
  await redis.control.call("XADD", "rover:log", "*", "d", "hello");
  await streamer.setMeta("log", { unit: "m" }, { device: "rover" });
  await using console = await openConsole();
  const pane = await openStream(console.page, "rover:log");
  const inspector = await openInspector(console.page);

  await inspector.getByText("Metadata", { exact: true }).click();
  const meta = inspector.getByLabel("Metadata, as JSON");
  await until("it is shown", async () => (await meta.inputValue()) === '{\n  "unit": "m"\n}');
  await meta.fill("{");
  await inspector.getByRole("button", { name: "Save" }).click();
  await inspector.getByText("Not saved").waitFor();
  await meta.fill('{"unit":"km"}');
  await inspector.getByRole("button", { name: "Save" }).click();
  await inspector.getByText("Saved.").waitFor();
  expect(await streamer.meta("log", { device: "rover" })).toEqual({ unit: "km" });

  await inspector.getByText("Push an entry").click();
  await inspector.getByLabel("Payload, as text").fill("from the page");
  await inspector.getByRole("button", { name: "Push" }).click();
  await inspector.getByText("Stored as").waitFor();
  await until("it is shown", async () => (await lastRow(pane).textContent()) === "from the page");

  await inspector.getByText("Code", { exact: true }).click();
  await inspector
    .getByText("from redis-streamer/client")
    .or(inspector.getByText("import { connect }"))
    .first()
    .waitFor();

  await inspector.locator("summary", { hasText: "Delete" }).click();
  const remove = inspector.getByRole("button", { name: "Delete" });
  await inspector.getByLabel("to delete it").fill("rover:lo");
  expect(await remove.isDisabled()).toBe(true);
  await inspector.getByLabel("to delete it").fill("rover:log");
  await remove.click();
  await until("it is deleted", async () => Number(await redis.control.call("EXISTS", "rover:log")) === 0);
  await pane.getByText("rover:log does not exist.").waitFor();
});

test("renders only visible rows of thousands of streams; search, sort and keyboard work", async () => {
  await Promise.all(
    Array.from({ length: 5000 }, (_, i) =>
      redis.control.call("XADD", `default:stream-${String(i).padStart(4, "0")}`, "*", "d", "x"),
    ),
  );
  await redis.control.call("XADD", "rover:busy", "*", "d", "x");
  await redis.control.call("XADD", "rover:busy", "*", "d", "x");
  await using console = await openConsole();
  const { page } = console;
  await page.getByText("5,001 of 5,001 streams").waitFor();
  const rows = page.locator(".rows .row");
  expect(await rows.count()).toBeLessThan(80);
  // Each device has a row, too.
  expect(await page.getByRole("treegrid").getAttribute("aria-rowcount")).toBe("5003");
  await rows.first().getByRole("button").focus();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("ArrowDown");
    await until("the next has the focus", () =>
      page.evaluate(`document.activeElement?.dataset.index === "${i + 1}"`),
    );
  }
  await page.getByLabel("Sort by").selectOption("length");
  await until(
    "the longest is first",
    async () => (await rows.first().textContent())?.includes("busy") === true,
  );
  await page.getByLabel("Search").fill("4999");
  await until("one is found", async () => (await rows.count()) === 1);
  await page.getByLabel("Search").fill("rover busy");
  await until("one is left", async () => (await rows.count()) === 1);
  expect(console.problems).toEqual([]);
});

test("reports a killed Redis and gateway, and resumes by itself", async () => {
  const log = connect(gateway.http, { backoff: { maxMs: 200 } }).push("log");
  await log.send("before");
  await using console = await openConsole();
  const { page } = console;
  const alert = bannerOf(page);
  const pane = await openStream(page, "default:log");
  await until("it is shown", async () => (await lastRow(pane).textContent()) === "before");
  const stop = keepPushing(log, (n) => `line ${n}`);
  const isLive = async (what: string) => {
    const shown = await lastRow(pane).textContent();
    await until(what, async () => (await lastRow(pane).textContent()) !== shown);
  };
  await isLive("lines come");

  await redis.kill();
  await alert.getByText("its Redis does not").waitFor();
  // Neither the pane nor the time bar looks live.
  for (const status of [pane.locator(".status-line .chip"), timeOf(page).locator(".mode")])
    await until("it waits", async () => (await status.textContent()) === "waiting");
  await redis.start();
  await until("all is well", async () => (await alert.textContent()) === "");
  await isLive("lines come again");

  const { port } = new URL(gateway.http);
  await gateway.close();
  await alert.getByText("The gateway does not respond").waitFor();
  gateway = await startTestGateway(redis.url, { PORT: port, REDIS_WAIT_MS: "500" });
  await until("all is well again", async () => (await alert.textContent()) === "");
  await until(
    "lines come once more",
    async () => (await pane.locator(".problem").textContent()) === "",
    20_000,
  );
  await isLive("lines come once more");
  // No entry was lost or repeated: the rows are the last entries of the stream.
  await stop();
  const stored: string[] = [];
  for await (const entry of connect(gateway.http).entries("log", { reverse: true, count: 100 }))
    stored.unshift(entry.text());
  await until("the last is shown", async () => (await lastRow(pane).textContent()) === stored.at(-1));
  expect((await pane.locator(".tail li span").allTextContents()).slice(-100)).toEqual(stored);
});

test.each(["light", "dark"] as const)("has no axe violations, %s", async (theme) => {
  const streamer = connect(gateway.http);
  const push = streamer.push("imu", { device: "rover" });
  await push.send('{"x":1}');
  await push.close();
  for (const key of ["default:log", "rover:bin"])
    await redis.control.call("XADD", key, "*", "d", key === "rover:bin" ? Buffer.of(0xff, 0) : "hello");
  await redis.control.call("XADD", "rover:cam", "*", "d", await picture("#0f0"));
  await redis.control.call("SADD", ":devices:connected", "rover");
  await redis.control.call("SADD", ":devices:seen", "rover");
  await using console = await openConsole();
  const { page } = console;
  await page.getByRole("button", { name: "Theme" }).click();
  await page.getByRole("button", { name: theme === "light" ? "Light" : "Dark" }).click();
  const inspector = await openInspector(page);
  for (const key of ["default:log", "rover:imu", "rover:bin", "rover:cam"]) {
    await openStream(page, key);
    await inspector.getByRole("heading", { name: key }).waitFor();
    for (const summary of await inspector.locator("summary").all()) await summary.click();
  }
  await page.locator(".viewer canvas[role=img]").waitFor();
  await page.locator(".u-over").waitFor();
  expect(await axeViolations(page)).toEqual([]);
  expect(console.problems).toEqual([]);
});

test("works behind a path prefix, with and without a trailing slash", async () => {
  await redis.control.call("XADD", "default:log", "*", "d", "hello");
  await using behind = await startTestGateway(redis.url, { PATH_PREFIX: "/streams" });
  const { origin } = new URL(behind.http);
  for (const path of ["/streams", "/streams/"]) {
    const page = await browser.context.newPage();
    page.setDefaultTimeout(10_000);
    const requests: string[] = [];
    page.on("request", (one) => requests.push(one.url()));
    page.on("websocket", (one) => requests.push(one.url()));
    await page.goto(origin + path);
    const pane = await openStream(page, "default:log");
    await until("it is shown", async () => (await lastRow(pane).textContent()) === "hello");
    await until("it is followed", () =>
      requests.some((url) => url.includes("/streams/data/default%3Alog/pull")),
    );
    expect(requests.filter((url) => !/^data:|\/streams(\/|$)/.test(url))).toEqual([]);
    await page.getByRole("button", { name: "More" }).click();
    expect(await page.getByRole("link", { name: "docs" }).getAttribute("href")).toBe(
      `${origin}/streams/docs`,
    );
    await page.close();
  }
});

test("with authentication: log in, see the permitted streams, and only the permitted tools", async () => {
  using keys = createTestKeys();
  const secret = keys.add("reader", ["read:rover:*"]);
  await using closed = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  for (const key of ["rover:log", "other:log"]) await redis.control.call("XADD", key, "*", "d", "hello");
  const page = await browser.context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(`${closed.http}/`);
  await page.getByLabel("Key or token").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("1 of 1 streams").waitFor();
  const pane = await openStream(page, "rover:log");
  await until("it is shown", async () => (await lastRow(pane).textContent()) === "hello");
  const inspector = await openInspector(page);
  await inspector.getByText("Download", { exact: true }).first().waitFor();
  for (const tool of ["Push an entry", "Delete"])
    await until(`no ${tool}`, async () => (await inspector.getByText(tool, { exact: true }).count()) === 0);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByText("key:reader").waitFor();
  await page.getByText("read:rover:*").waitFor();
  await page.context().clearCookies();
  await bannerOf(page).getByRole("link", { name: "Log in" }).click();
  await page.getByLabel("Key or token").waitFor();
  await page.close();
});
