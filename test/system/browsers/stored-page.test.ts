/** Payloads that are pages or scripts, opened in a real browser: none is executed on the gateway's origin. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let gateway: TestGateway;
let browser: TestBrowser;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  browser = await startBrowser();
});
beforeEach(() => redis.control.call("DEL", "default:attacked"));
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  await redis[Symbol.asyncDispose]();
});

/** The attack: a script that stores an entry with the rights of the user who opens it. */
const SCRIPT = `fetch("/data/attacked", { method: "POST", body: "x" })`;
const PAGE = `<!doctype html><title>page</title><script>${SCRIPT}</script><img src="x" onerror='${SCRIPT}'>`;
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload='${SCRIPT}'><script>${SCRIPT}</script></svg>`;

const store = (stream: string, contentType: string, body: string) =>
  request(`${gateway.http}/data/${stream}`, {
    method: "POST",
    headers: { "content-type": contentType },
    body,
  });
const isAttacked = async () => (await redis.control.call("EXISTS", "default:attacked")) === 1;

/** Opens a URL as a page, as a link does; a download is no page. */
async function open(url: string): Promise<void> {
  const page = await browser.context.newPage();
  try {
    await page.goto(url).catch(() => undefined);
    await settled();
  } finally {
    await page.close();
  }
}

/** Runs in the page. A frame whose response is a download has no event, so the wait ends by time. */
const EMBED = `async (src) => {
  const elements = ["iframe", "embed", "script", "img"].map((name) => Object.assign(document.createElement(name), { src }));
  elements.push(Object.assign(document.createElement("object"), { data: src }));
  const ends = elements.map((element) => new Promise((resolve) => {
    element.onload = element.onerror = resolve;
    setTimeout(resolve, 500);
  }));
  document.body.append(...elements);
  await Promise.all(ends);
}`;

/** Embeds a URL in a page of the gateway in every way that could execute it. */
async function embed(url: string): Promise<void> {
  const page = await browser.context.newPage();
  try {
    // A page without a content security policy of its own.
    await page.route("**/embedding", (route) => route.fulfill({ contentType: "text/html", body: "<body>" }));
    await page.goto(`${gateway.http}/embedding`);
    await page.evaluate(`(${EMBED})(${JSON.stringify(url)})`);
    await settled();
  } finally {
    await page.close();
  }
}

/** Waits until a request of a page that is sent now is stored: an attack would have been before it. */
async function settled(): Promise<void> {
  const page = await browser.context.newPage();
  await page.goto(`${gateway.http}/healthz`);
  await page.evaluate('fetch("/data/harmless", { method: "POST", body: "x" }).then(() => undefined)');
  await page.close();
}

test("the attack works where it is executed", async () => {
  const page = await browser.context.newPage();
  await page.route("**/attack", (route) => route.fulfill({ contentType: "text/html", body: PAGE }));
  await page.goto(`${gateway.http}/attack`);
  // The script and the image store one entry each. A later one would be counted as an attack of the next test.
  await until(
    "both attacks are stored",
    async () => (await redis.control.call("XLEN", "default:attacked")) === 2,
  );
  await page.close();
});

test.each([
  ["html", "text/html", PAGE],
  ["xhtml", "application/xhtml+xml", PAGE],
  ["svg", "image/svg+xml", SVG],
  ["xml", "text/xml", SVG],
  ["javascript", "text/javascript", SCRIPT],
  ["undeclared page", "application/octet-stream", PAGE],
  ["page as text", "text/plain", PAGE],
  ["page as image", "image/jpeg", PAGE],
  ["page of an unknown type", "text/x-unknown", PAGE],
  ["parts", "text/x-mixed", `--x\r\nContent-Type: text/html\r\n\r\n${PAGE}\r\n--x--`],
])("%s is not executed", async (stream, contentType, body) => {
  expect((await store(stream, contentType, body)).status).toBe(200);
  const url = `${gateway.http}/data/${encodeURIComponent(stream)}/entries/last`;
  await open(url);
  await embed(url);
  expect(await isAttacked()).toBe(false);
});
