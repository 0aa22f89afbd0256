/** The console in windows from 240 to 1280 pixels: nothing is wider than the window, so nothing scrolls sideways. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser, type TestBrowser } from "../support/browser.ts";
import { openConsole, paneOf } from "../support/console-page.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

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

/** Lists what is wider than the window or scrolls sideways, except code. Runs in the page. */
const WIDE = `(() => {
  const { clientWidth } = document.documentElement;
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    const { right, width } = element.getBoundingClientRect();
    if (!element.checkVisibility() || width === 0 || element.closest("pre, code, .tail")) continue;
    const name = element.tagName.toLowerCase() + "." + element.className;
    if (right > clientWidth + 0.5) found.push(name + " ends at " + right);
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    if (scrolls && element.scrollWidth > element.clientWidth) found.push(name + " scrolls to " + element.scrollWidth);
  }
  if (document.documentElement.scrollWidth > clientWidth) found.push("the page scrolls");
  return found;
})()`;

test.each([240, 320, 375, 768, 961, 1280])("at %i pixels", async (width) => {
  const open = STREAMS.slice(0, 2).map((name) => `&open=default:${name}&view=text`);
  await using console = await openConsole(browser, gateway.http, `#show=events&show=gateway${open.join("")}`);
  const { page, problems } = console;
  await page.setViewportSize({ width, height: 640 });
  await paneOf(page, "default:cam").getByText("Download").first().waitFor();
  await page.getByRole("table", { name: "Streams" }).getByRole("button", { name: "default:s0" }).waitFor();
  expect(await page.evaluate(WIDE)).toEqual([]);
  await page.evaluate(`for (const one of document.querySelectorAll("details")) one.open = true`);
  await paneOf(page, "default:cam").getByRole("button", { name: "Download" }).waitFor();
  expect(await page.evaluate(WIDE)).toEqual([]);
  expect(problems).toEqual([]);
});
