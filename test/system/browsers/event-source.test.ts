/** Server-sent events in Chromium: its own EventSource, and the polyfill that can send headers. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const POLYFILL = readFileSync("node_modules/event-source-polyfill/src/eventsource.js", "utf8");

let redis: TestRedis;
let browser: TestBrowser;
let site: Server;

beforeAll(async () => {
  redis = await startRedis();
  browser = await startBrowser();
  site = createServer((_request, response) =>
    response.setHeader("content-type", "text/html").end("<title>a page</title>"),
  ).listen(0, "127.0.0.1");
  await once(site, "listening");
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  site.closeAllConnections();
  site.close();
  await redis[Symbol.asyncDispose]();
});

const add = (key: string, id: string, data: string) =>
  redis.control.call("XADD", `default:${key}`, id, "d", data);

/** Opens a page of another local origin, whose scripts record events in `seen`. */
async function openSite(): Promise<Page> {
  const page = await browser.context.newPage();
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
  await page.evaluate("globalThis.seen = []");
  return page;
}

/** Returns the events that the page has recorded, once there are enough. */
async function seenBy(page: Page, count: number): Promise<readonly string[]> {
  let seen: readonly string[] = [];
  await until(
    () => `${count} events in ${JSON.stringify(seen)}`,
    async () => {
      seen = (await page.evaluate("seen")) as readonly string[];
      return seen.length >= count;
    },
  );
  return seen;
}

test.each(["EventSource", "EventSourcePolyfill"])(
  "%s resumes at a gateway that was restarted, and sees each entry once",
  async (name) => {
    const stream = `${name} ${Date.now()}`;
    const port = await freePort();
    await add(stream, "1-0", "one");
    await add(stream, "2-0", "two");
    const page = await openSite();
    const first = await startTestGateway(redis.url, { PORT: String(port) });
    await page.evaluate(POLYFILL);
    const url = `http://127.0.0.1:${port}/data/${encodeURIComponent(stream)}/events?last_entry_id=0`;
    await page.evaluate(`new ${name}("${url}").onmessage = ({ data }) => seen.push(data);`);
    expect(await seenBy(page, 2)).toEqual(["one", "two"]);
    await first.close();
    await add(stream, "3-0", "three");
    await using _second = await startTestGateway(redis.url, { PORT: String(port) });
    expect(await seenBy(page, 3)).toEqual(["one", "two", "three"]);
    await page.close();
  },
);

test("delivers entries to the listeners of their streams, and none to those of open and error", async () => {
  const streams = ["plain", "error", "open", "gap"];
  await using gateway = await startTestGateway(redis.url);
  for (const stream of streams) await add(stream, "*", stream);
  const page = await openSite();
  await page.evaluate(`
    const source = new EventSource("${gateway.http}/data/${streams.join("+")}/events?last_entry_id=0");
    for (const name of ["plain", "stream:error", "stream:open", "stream:gap", "error", "open", "gap"])
      source.addEventListener(name, ({ type, data = "" }) => seen.push(type + "=" + data));`);
  const seen = await seenBy(page, 5);
  expect(seen.toSorted()).toEqual([
    "open=",
    "plain=plain",
    "stream:error=error",
    "stream:gap=gap",
    "stream:open=open",
  ]);
  await page.close();
});
