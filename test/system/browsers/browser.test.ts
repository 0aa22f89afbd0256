/** The gateway's pages and the README's sample page in a real browser. */
// cspell:ignore topbar
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let redis: TestRedis;
let browser: TestBrowser;

beforeAll(async () => {
  redis = await startRedis();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** Opens a page and records its requests and errors. */
async function open(url: string): Promise<{ page: Page; requests: string[]; problems: string[] }> {
  const page = await browser.context.newPage();
  const requests: string[] = [];
  const problems: string[] = [];
  page.on("request", (one) => requests.push(one.url()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(url);
  return { page, requests, problems };
}

describe("/docs", () => {
  test("shows every route and sends no request to another host", async () => {
    await using gateway = await startTestGateway(redis.url);
    const { page, requests, problems } = await open(`${gateway.http}/docs`);
    const { paths } = (await request(`${gateway.http}/openapi.json`)).json() as {
      paths: Record<string, Record<string, unknown>>;
    };
    const operations = Object.values(paths).flatMap((path) => Object.keys(path)).length;
    await page
      .locator(".opblock")
      .nth(operations - 1)
      .waitFor();
    expect(await page.locator(".opblock").count()).toBe(operations);
    // Sends a request from the page itself, as a reader would.
    await redis.control.call("XADD", "default:tried", "1-0", "d", "found by the docs");
    const get = page.locator(".opblock", { hasText: "Read the next entries" });
    await get.locator(".opblock-summary-control").click();
    await get.getByRole("button", { name: "Try it out" }).click();
    await get.getByPlaceholder("stream_id").fill("tried");
    await get.getByPlaceholder("last_entry_id").fill("0");
    await get.getByRole("button", { name: "Execute" }).click();
    await get.locator(".live-responses-table", { hasText: "x-last-entry-id: 1-0" }).waitFor();
    expect(await page.title()).toBe("Redis Streamer: API");
    const logo = await page.locator(".topbar img").getAttribute("src");
    expect(Buffer.from(logo?.split("base64,")[1] ?? "", "base64").toString()).toContain(
      ">Redis Streamer</text>",
    );
    expect(problems).toEqual([]);
    const { origin } = new URL(gateway.http);
    expect(requests.filter((url) => !url.startsWith(origin) && !/^(data|blob):/.test(url))).toEqual([]);
    expect(requests.length).toBeGreaterThan(5);
    await page.close();
  });

  test("references no other host in its files", async () => {
    await using gateway = await startTestGateway(redis.url);
    for (const path of ["/docs", "/openapi.json", "/", "/docs/static/swagger-initializer.js"]) {
      const { status, text } = await request(`${gateway.http}${path}`, { headers: { accept: "text/html" } });
      expect(status).toBe(200);
      // Comments in code are allowed to.
      const named =
        path === "/openapi.json"
          ? /\/\/[\w-]+\.[\w.-]+/g
          : /(?:src|href|url)\s*[=:]\s*"(?:https?:)?\/\/[^"]*"/g;
      expect(text.match(named) ?? []).toEqual([]);
    }
  });
});

test("shows the home page with working links", async () => {
  await using gateway = await startTestGateway(redis.url);
  const { page, problems } = await open(`${gateway.http}/`);
  expect(await page.locator("h1").textContent()).toBe("Redis Streamer");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("link", { name: "docs" }).click();
  await page.locator(".opblock").first().waitFor();
  expect(problems).toEqual([]);
  await page.close();
});

describe("the README's page", () => {
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  const [, sample = ""] = /```html\n(.*?)```/s.exec(readme) ?? [];

  /** Serves the sample from another origin, as a user's page would be. */
  async function servePage(gatewayPort: number): Promise<{ url: string } & AsyncDisposable> {
    const server = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end(sample.replaceAll("localhost:8000", `localhost:${gatewayPort}`));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      url: `http://localhost:${(server.address() as AddressInfo).port}/`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  /** Noise of the size of a camera image. Chromium first inspects 1024 bytes of a cross-origin response. */
  const picture = (width: number, height: number) =>
    sharp(randomBytes(width * height * 3), { raw: { width, height, channels: 3 } })
      .jpeg()
      .toBuffer();

  test("shows the newest image and resumes the stream after a gateway restart", async () => {
    const port = await freePort();
    const start = () => startTestGateway(redis.url, { PORT: String(port) });
    let gateway = await start();
    await using served = await servePage(port);
    const post = (stream: string, body: Uint8Array | string) =>
      request(`${gateway.http}/data/${stream}`, { method: "POST", body });
    await post("my-stream", "first");
    await post("camera", await picture(300, 200));

    // The image response never ends, so the page never finishes loading.
    const page = await browser.context.newPage();
    await page.goto(served.url, { waitUntil: "commit" });
    const log = page.locator("#log");
    const lines = async () =>
      (await log.textContent())
        ?.trim()
        .split("\n")
        .map((line) => line.split(" ")[1]);
    await until("the first entry is shown", async () => (await lines())?.[0] === "first");
    const size = () =>
      page.locator("img").evaluate((img) => {
        const { naturalWidth, naturalHeight } = img as unknown as {
          naturalWidth: number;
          naturalHeight: number;
        };
        return `${naturalWidth}x${naturalHeight}`;
      });
    await until("the idle image is shown", async () => (await size()) === "300x200");
    await post("camera", await picture(200, 100));
    await until("the next image is shown", async () => (await size()) === "200x100");

    for (let i = 0; i < 20; i++) await post("my-stream", `live ${i}`.replace(" ", "-"));
    await until("they are shown", async () => (await lines())?.at(-1) === "live-19");
    await gateway.close();
    await redis.control.call("XADD", "default:my-stream", "*", "d", "meanwhile");
    gateway = await start();
    await until("the page resumes", async () => (await lines())?.includes("meanwhile") === true);
    await post("my-stream", "after");
    await until("the page is live", async () => (await lines())?.at(-1) === "after");
    expect(await lines()).toEqual([
      "first",
      ...Array.from({ length: 20 }, (_, i) => `live-${i}`),
      "meanwhile",
      "after",
    ]);
    await page.close();
    await gateway.close();
  });
});
