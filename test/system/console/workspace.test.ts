/** Workspace of the console in a real browser: shared moments, overlays, work queues, hostile content, narrow windows. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect } from "../../../client/index.ts";
import { timeText } from "../../../console/page/format.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import {
  axeViolations,
  lastRow,
  opacityAt,
  openConsole,
  openInspector,
  openStream,
  paneOf,
  selectView,
  timeOf,
} from "../../support/browser/console-page.ts";
import { request } from "../../support/clients/http.ts";
import { greyJpeg } from "../../support/data/jpeg.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
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
beforeEach(() => redis.control.call("FLUSHALL"));
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

const add = (key: string, id: string, ...fields: readonly (string | Buffer)[]) =>
  redis.control.call("XADD", key, id, ...fields);
const START = 1_700_000_000_000;

test("an empty console plays the demo device and shows it, until the user stops it", async () => {
  await using console = await openConsole(browser, gateway.http);
  const { page, problems } = console;
  await page.getByRole("button", { name: "Play the demo device" }).click();
  for (const stream of ["imu", "gps", "log"]) await paneOf(page, `rover:${stream}`).waitFor();
  const camera = paneOf(page, "rover:camera");
  await camera.getByText("480 × 270").waitFor();
  await camera.getByText("Overlays: 1").waitFor();
  await page.getByRole("button", { name: "Stop the demo device" }).click();
  const again = page.getByRole("button", { name: "Play the demo device again" });
  await again.waitFor();
  expect((await request(`${gateway.http}/demo`)).json()).toEqual({ enabled: true, device: null });
  await again.click();
  await page.getByRole("button", { name: "Stop the demo device" }).click();
  await again.waitFor();
  expect(problems).toEqual([]);
});

test("a link opens its panes at its moment; all panes follow the time bar", async () => {
  for (let n = 0; n <= 20; n++) {
    await add("rover:a", `${START + n * 100}-0`, "d", `a ${n}`);
    await add("rover:b", `${START + n * 100 + 50}-0`, "d", `b ${n}`);
  }
  await using console = await openConsole(
    browser,
    gateway.http,
    `#open=rover:a&view=text&open=rover:b&view=text&t=${START + 1000}`,
  );
  const { page } = console;
  const shows = (a: string, b: string) =>
    until(`${a} and ${b}`, async () => {
      const shown = ["rover:a", "rover:b"].map((key) => lastRow(paneOf(page, key)).textContent());
      return (await Promise.all(shown)).join() === `${a},${b}`;
    });
  await shows("a 10", "b 9");
  await paneOf(page, "rover:a").getByText("history").waitFor();
  const time = timeOf(page);
  await time.getByRole("slider").fill(String(START + 500));
  await shows("a 5", "b 4");
  expect(page.url()).toContain(`&t=${START + 500}`);
  await page.keyboard.press("Escape");
  await time.getByLabel("Go to").fill(`${START + 1550}-0`);
  await time.getByLabel("Go to").press("Enter");
  await shows("a 15", "b 15");
  await time.getByLabel("Go to").fill("-1s");
  await time.getByLabel("Go to").press("Enter");
  await shows("a 5", "b 5");
  await time.getByLabel("Go to").fill("tomorrow");
  await time.getByLabel("Go to").press("Enter");
  expect(await time.getByLabel("Go to").getAttribute("aria-invalid")).toBe("true");
  await time.getByRole("button", { name: "Live" }).click();
  await shows("a 20", "b 20");
  expect(page.url()).not.toContain("&t=");
  expect(console.problems).toEqual([]);
});

test("an unpinned pane keeps its moment, also in the link, and follows the time bar when it is pinned again", async () => {
  for (const name of ["a", "b"])
    for (let n = 0; n <= 20; n++) await add(`rover:${name}`, `${START + n * 100}-0`, "d", `${name} ${n}`);
  const hash = `#open=rover:a&view=text&open=rover:b&view=text&t=${START + 1000}`;
  await using console = await openConsole(browser, gateway.http, hash);
  const { page } = console;
  const shows = (key: string, text: string) =>
    until(text, async () => (await lastRow(paneOf(page, key)).textContent()) === text);
  await shows("rover:a", "a 10");
  await page.getByRole("button", { name: "Unpin rover:a from the time bar" }).click();
  await timeOf(page)
    .getByRole("slider")
    .fill(String(START + 500));
  await shows("rover:b", "b 5");
  await shows("rover:a", "a 10");
  expect(page.url()).toContain(`open=rover%3Aa&view=text&at=${START + 1000}&`);
  await timeOf(page).getByRole("button", { name: "Live" }).click();
  await shows("rover:b", "b 20");
  await paneOf(page, "rover:b").getByText("no data for").waitFor();
  await paneOf(page, "rover:a").getByText("history").waitFor();
  await page.reload();
  await shows("rover:b", "b 20");
  await shows("rover:a", "a 10");
  expect(await axeViolations(page)).toEqual([]);
  await page.getByRole("button", { name: "Unpinned: pin rover:a to the time bar" }).click();
  await shows("rover:a", "a 20");
  // A pane that was unpinned while it was live stays live.
  await page.getByRole("button", { name: "Unpin rover:a from the time bar" }).click();
  await timeOf(page)
    .getByRole("slider")
    .fill(String(START + 500));
  await shows("rover:b", "b 5");
  await add("rover:a", `${START + 2100}-0`, "d", "a 21");
  await shows("rover:a", "a 21");
  expect(console.problems).toEqual([]);
});

test("draws the boxes that a stream declares over the image, where the JSON has them", async () => {
  const streamer = connect(gateway.http);
  const device = "rover";
  const picture = await sharp({ create: { width: 640, height: 360, channels: 3, background: "#00f" } })
    .jpeg()
    .toBuffer();
  await streamer.setMeta("boxes", { view: "boxes", of: "camera" }, { device });
  await add("rover:camera", `${START}-0`, "d", picture);
  const boxes = [{ x: 100, y: 100, width: 200, height: 100, label: "car", score: 0.9 }];
  await add("rover:boxes", `${START + 40}-0`, "d", JSON.stringify({ boxes }));
  await using console = await openConsole(browser, gateway.http);
  const pane = await openStream(console.page, "rover:camera");
  const alphaAt = (x: number, y: number) => opacityAt(pane, x / 640, y / 360);
  await until("the box is drawn", async () => (await alphaAt(100, 150)) > 100);
  expect(await alphaAt(300, 150)).toBeGreaterThan(100);
  expect(await alphaAt(200, 200)).toBeGreaterThan(100);
  expect([await alphaAt(200, 150), await alphaAt(400, 150), await alphaAt(200, 300)]).toEqual([0, 0, 0]);
  expect(await pane.locator(".below time").textContent()).toBe(timeText(START));
  await pane.getByRole("button", { name: "Overlays" }).click();
  await pane.getByRole("checkbox", { name: "rover:boxes" }).uncheck();
  await until("it is removed", async () => (await pane.locator("canvas.overlay").count()) === 0);
  expect(console.problems).toEqual([]);
});

test("lists consumer groups, requeues and drops dead letters, and removes a group", async () => {
  await add("rover:jobs", "1-0", "d", "first");
  await add("rover:jobs", "2-0", "d", "second");
  await redis.control.call("XGROUP", "CREATE", "rover:jobs", "detect", "0");
  await redis.control.call(
    ...["XREADGROUP", "GROUP", "detect", "w1", "COUNT", "1", "STREAMS", "rover:jobs", ">"],
  );
  const added = ["stream", "rover:jobs", "id", "0-1", "n", "5", "reason", "max_deliver"];
  for (const n of [1, 2])
    await add("rover:jobs:dead:detect", `${n}-0`, ...added, "d", `dead ${n}`, "qty", "3");
  await using console = await openConsole(browser, gateway.http);
  const { page } = console;
  await openStream(page, "rover:jobs");
  const inspector = await openInspector(page);
  await inspector.locator("summary", { hasText: "Work queues" }).click();
  const group = inspector.getByRole("region", { name: "Group detect" });
  await group.getByText("Dead letters").first().waitFor();
  expect(await group.locator("dd").allTextContents()).toEqual(["1", "1", "1", "2"]);
  await group.getByRole("button", { name: "Pending entries" }).click();
  await group.getByRole("listitem").filter({ hasText: "1-0 at w1" }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await group.getByRole("button", { name: "Requeue dead letters" }).click();
  await inspector.getByText("2 of 2 requeued.").waitFor();
  expect(await redis.control.call("XLEN", "rover:jobs:dead:detect")).toBe(0);
  const stored = await redis.control.call("XRANGE", "rover:jobs", "(2-0", "+");
  const text = JSON.stringify(stored, (_name, value) =>
    value?.type === "Buffer" ? String(Buffer.from(value.data)) : value,
  );
  expect(text).toMatch(/"d","dead 1","qty","3".*"d","dead 2","qty","3"/);
  await add("rover:jobs:dead:detect", "3-0", ...added, "d", "dead 3");
  await group.getByRole("button", { name: "Drop dead letters" }).click();
  await group.getByRole("button", { name: "Drop 1 now" }).click();
  await inspector.getByText("1 of 1 dropped.").waitFor();
  expect(await redis.control.call("XLEN", "rover:jobs:dead:detect")).toBe(0);
  expect(await redis.control.call("XLEN", "rover:jobs")).toBe(4);
  await group.getByRole("button", { name: "Remove" }).click();
  await group.getByRole("button", { name: "Remove detect now" }).click();
  await inspector.getByText("The group detect was removed.").waitFor();
  expect(await redis.control.call("XINFO", "GROUPS", "rover:jobs")).toEqual([]);
  expect(console.problems).toEqual([]);
});

test("hostile names, metadata and payloads do no harm, and other panes stay live", async () => {
  const markup = '<img src=x onerror="document.title=1">';
  const bomb = greyJpeg(30_000, 30_000);
  const script = `<script>document.title="1"</script>`;
  const hostile: readonly (readonly [key: string, payload: string | Buffer])[] = [
    [`rover:${markup}`, `${script}${markup}`],
    ["rover:svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="document.title='1'">${script}</svg>`],
    ["rover:image", `<svg xmlns="http://www.w3.org/2000/svg" onload="document.title='1'">${script}</svg>`],
    ["rover:bomb", bomb],
    ["rover:cut", bomb.subarray(0, 5)],
    ["rover:damaged", greyJpeg(30_000, 30_000, [0, 0, 0])],
    ["rover:huge", JSON.stringify({ x: "y".repeat(5_000_000) })],
    ["rover:deep", `${"[".repeat(20_000)}1${"]".repeat(20_000)}`],
    [
      "rover:wide",
      JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i]))),
    ],
    ["rover:proto", '{"__proto__":{"x":1},"constructor":{"prototype":{"y":2}},"toString":3}'],
  ];
  for (const [key, payload] of hostile) await add(key, `${START}-0`, "d", payload);
  const streamer = connect(gateway.http);
  await streamer.setMeta(
    "svg",
    { contentType: "text/html", title: markup, units: { x: markup } },
    { device: "rover" },
  );
  await streamer.declare("image", { contentType: "image/svg+xml" }, { device: "rover" });
  // A detector may be hostile, too.
  const boxes = [{ x: -1e300, y: 1e300, w: 1e308, h: 1e308, label: markup.repeat(100) }, { polygon: [[{}]] }];
  await add("rover:boxes", `${START}-0`, "d", JSON.stringify({ boxes }));
  await streamer.setMeta("boxes", { view: "boxes", of: "small" }, { device: "rover" });
  await add("rover:small", `${START}-0`, "d", greyJpeg(64, 64));
  await add("rover:log", "1-0", "d", "before");
  await using console = await openConsole(browser, gateway.http);
  const { page } = console;
  const pane = await openStream(page, "rover:log");
  const inspector = await openInspector(page);
  for (const [key] of hostile) {
    await openStream(page, key);
    await inspector.getByRole("heading", { name: key }).waitFor();
    if (key === "rover:damaged") await page.getByText("has a damaged header").waitFor();
    if (key === "rover:bomb") await page.getByText("30,000 × 30,000 pixels, which is too large").waitFor();
    for (const view of ["text", "table", "raw", "plot", "states", "image"]) await selectView(page, key, view);
    await page.getByRole("button", { name: `Close ${key}` }).click();
  }
  // The same kind of file in a size that is drawn.
  const small = await openStream(page, "rover:small");
  await small.getByText("64 × 64").waitFor();
  await small.locator("canvas.overlay").waitFor();
  await add("rover:log", "2-0", "d", "after");
  await until("it is live", async () => (await lastRow(pane).textContent()) === "after");
  expect(await page.title()).not.toBe("1");
  expect(await page.locator("img, script:not([src])").count()).toBe(0);
  expect(console.problems).toEqual([]);
});

test("stacks panes in a narrow window; restores their arrangement in a wide one, and a saved one", async () => {
  for (const key of ["rover:a", "rover:b", "rover:c"]) await add(key, "1-0", "d", "x");
  const open = ["a", "b", "c"].map((name) => `open=rover:${name}&view=text`).join("&");
  const grid = "grid=h(0!*600,v(1!*500,2!*500)*400)*1000";
  await using console = await openConsole(browser, gateway.http, `#${open}&${grid}`);
  const { page } = console;
  const groups = page.locator(".dv-groupview");
  await until("it is arranged", async () => (await groups.count()) === 3);
  await page.setViewportSize({ width: 390, height: 640 });
  await until("it is stacked", async () => (await groups.count()) < 3);
  expect((await groups.first().boundingBox())?.width).toBeGreaterThan(340);
  await page.setViewportSize({ width: 1280, height: 720 });
  await until("it is arranged again", async () => (await groups.count()) === 3);
  expect(page.url()).toMatch(/grid=h\(0!\*(59\d|60\d),v\(1!\*\d+,2!\*\d+\)\*\d+\)\*1000/);
  const layouts = page.getByRole("button", { name: "Layouts" });
  await layouts.click();
  await page.getByLabel("Name of the layout").fill("my <b>panes</b>");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("button", { name: "Everything of rover" }).click();
  await until("it is another arrangement", () => !/grid=h\(0!\*(59\d|60\d)/.test(page.url()));
  await layouts.click();
  await page.getByRole("button", { name: "my <b>panes</b>", exact: true }).click();
  await until("it is restored", () => /grid=h\(0!\*(59\d|60\d)/.test(page.url()));
  await layouts.click();
  await page.getByRole("button", { name: "Remove the layout my" }).click();
  expect(await axeViolations(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("button", { name: "Keyboard" }).click();
  const dialog = page.getByRole("dialog", { name: "Keyboard" });
  await dialog.getByText("Follow live").waitFor();
  await page.keyboard.press("Escape");
  await until("it is closed", async () => !(await dialog.isVisible()));
  await page.keyboard.press("?");
  await dialog.getByRole("button", { name: "Close" }).click();
  expect(console.problems).toEqual([]);
});

test("exports the layout as a file, imports it, and states what is wrong with a damaged one", async () => {
  for (const key of ["rover:a", "rover:b"]) await add(key, "1-0", "d", "x");
  const open = "open=rover%3Aa&view=text&open=rover%3Ab&view=raw&grid=h(0!*700,1!*300)*1000";
  await using console = await openConsole(browser, gateway.http, `#${open}`);
  const { page } = console;
  await paneOf(page, "rover:b").waitFor();
  const layouts = page.getByRole("button", { name: "Layouts" });
  await layouts.click();
  const saving = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export as a file" }).click();
  const saved = readFileSync(await (await saving).path(), "utf8");
  expect(JSON.parse(saved)).toMatchObject({ type: "redis-streamer-layout", version: 1 });
  await page.getByRole("button", { name: "Close rover:a" }).click();
  const imported = async (text: string) => {
    if ((await layouts.getAttribute("aria-expanded")) === "false") await layouts.click();
    const picking = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Import a file" }).click();
    const buffer = Buffer.from(text);
    await (await picking).setFiles({ name: "mine.json", mimeType: "application/json", buffer });
  };
  await imported(saved.slice(0, -20));
  await page.getByText("mine.json is damaged: it is not valid JSON.").waitFor();
  expect(page.url()).not.toContain("rover%3Aa");
  expect(await axeViolations(page)).toEqual([]);
  await imported(saved);
  await until("it is restored", () =>
    /view=text&open=rover%3Ab&view=raw&grid=h\(0!\*(69|70)/.test(page.url()),
  );
  expect(console.problems).toEqual([]);
});
