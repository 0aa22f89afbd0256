/** The console in windows from 240 to 1280 pixels: nothing is wider than the window, so nothing scrolls sideways. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { lastRow, openConsole, openInspector, paneOf } from "../../support/browser/console-page.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let browser: TestBrowser;

/** Enough streams that the table scrolls. */
const STREAMS = [
  "cam",
  "a-stream-with-a-long-name-without-any-blanks",
  ...Array.from({ length: 40 }, (_, n) => `s${n}`),
];

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  browser = await startBrowser();
  for (const name of STREAMS) await redis.control.call("XADD", `default:${name}`, "*", "d", '{"a": 1}');
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/**
 * Lists the elements that are wider than the window or scroll sideways, except code and the strip of tabs. Runs in the page.
 */
const WIDE = `(() => {
  const { clientWidth } = document.documentElement;
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    const { right, width } = element.getBoundingClientRect();
    if (!element.checkVisibility() || width === 0 || element.closest("pre, code, .tail, .dv-tabs-container")) continue;
    const name = element.tagName.toLowerCase() + "." + element.className;
    if (right > clientWidth + 0.5) found.push(name + " ends at " + right);
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    if (scrolls && element.scrollWidth > element.clientWidth) found.push(name + " scrolls to " + element.scrollWidth);
  }
  if (document.documentElement.scrollWidth > clientWidth) found.push("the page scrolls");
  return found;
})()`;

test("the list does not cover the first steps, and folds when the user presses beside it", async () => {
  await using console = await openConsole(browser, gateway.http, "", { width: 390, height: 844 });
  const { page, problems } = console;
  const list = page.getByRole("treegrid", { name: "Streams" });
  await page.getByRole("button", { name: "All streams" }).click();
  await list.waitFor();
  await page.mouse.click(385, 800);
  await list.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Everything of default" }).click();
  await page.locator(".pane").first().waitFor();
  expect(page.url()).toContain("open=default%3As0");
  expect(problems).toEqual([]);
});

test("show a moment of the past that the user selects", async () => {
  const start = 1_700_000_000_000;
  for (const [after, text] of [
    [0, "early"],
    [9000, "late"],
  ] as const)
    await redis.control.call("XADD", "rover:past", `${start + after}-0`, "d", text);
  const hash = `#open=rover:past&view=text&t=${start + 9000}`;
  await using console = await openConsole(browser, gateway.http, hash, { width: 390, height: 844 });
  const { page, problems } = console;
  const pane = paneOf(page, "rover:past");
  const shows = (text: string) => until(text, async () => (await lastRow(pane).textContent()) === text);
  await shows("late");
  await page.getByRole("button", { name: "Live", exact: true }).click();
  const field = page.getByLabel("Go to", { exact: true });
  await until("the field is hidden", async () => ((await field.boundingBox())?.width ?? 0) < 50);
  await page.getByRole("button", { name: /^Go to a time; shown: .*\d\d:\d\d:\d\d\.\d{3}$/ }).press("Enter");
  await page.keyboard.type(`${start}-0`);
  expect((await field.boundingBox())?.width).toBeGreaterThan(200);
  await page.keyboard.press("Enter");
  await shows("early");
  expect(await page.evaluate(WIDE)).toEqual([]);
  // A rate belongs to entries that arrive.
  expect(await pane.getByText("entries/s").count()).toBe(0);
  expect(problems).toEqual([]);
});

test.each([240, 320, 375, 768, 961, 1280])("at %i pixels", async (width) => {
  const open = STREAMS.slice(0, 2).map((name) => `&open=default:${name}&view=text`);
  await using console = await openConsole(
    browser,
    gateway.http,
    `#show=events&show=gateway${open.join("")}`,
    {
      width,
      height: 640,
    },
  );
  const { page, problems } = console;
  await page.locator(".pane").first().waitFor();
  expect(await page.evaluate(WIDE)).toEqual([]);
  const list = page.getByRole("treegrid", { name: "Streams" });
  if (!(await list.isVisible())) await page.getByRole("button", { name: "Stream list", exact: true }).click();
  await list.getByRole("button", { name: "default:s0" }).waitFor();
  expect(await page.evaluate(WIDE)).toEqual([]);
  await list.getByRole("button", { name: "default:cam" }).click();
  await paneOf(page, "default:cam").getByText('{"a": 1}').waitFor();
  const inspector = await openInspector(page);
  await inspector.getByRole("heading", { name: "default:cam" }).waitFor();
  await page.evaluate(`for (const one of document.querySelectorAll("details")) one.open = true`);
  await inspector.getByRole("button", { name: "Download" }).waitFor();
  expect(await page.evaluate(WIDE)).toEqual([]);
  expect(problems).toEqual([]);
});
