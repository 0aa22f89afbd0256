/** Pages in a real browser: one of another site that tries to use a local gateway, and the gateway's own pages. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { HOSTILE_PAGE } from "../../support/browser/hostile-page.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

/** The smallest picture, so that an `<img>` that is admitted shows something. */
const PIXEL = Buffer.from("R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==", "base64");

let redis: TestRedis;
let gateway: TestGateway;
let guarded: TestGateway;
let keys: TestKeys;
let site: Server;
let browser: TestBrowser;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  keys = createTestKeys();
  guarded = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  site = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(HOSTILE_PAGE);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  browser = await startBrowser(
    // As a hostile name server could resolve them.
    "--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1",
  );
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  site.close();
  site.closeAllConnections();
  await gateway.close();
  await guarded.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** Returns the result of each attempt of a page to use a gateway. */
async function attack(pageUrl: string, target: string): Promise<Record<string, string>> {
  await redis.control.call("FLUSHALL");
  await redis.control.call("XADD", "default:secret", "*", "d", PIXEL);
  const page = await browser.context.newPage();
  try {
    await page.goto(pageUrl);
    return await page.evaluate(`attack(${JSON.stringify(target)})`);
  } finally {
    await page.close();
  }
}

const stored = async () => [
  await redis.control.call("EXISTS", "default:pushed"),
  await redis.control.call("EXISTS", "default:secret"),
];

describe("a hostile page", () => {
  const REJECTED = {
    fetch: "rejected",
    entries: "rejected",
    metrics: "rejected",
    img: "rejected",
    script: "rejected",
    events: "rejected",
    pull: "rejected",
    push: "rejected",
    post: "rejected",
    blindPost: "rejected",
    flush: "rejected",
    // The page cannot see the result.
    form: "sent",
  };

  test("of another site reads nothing and stores nothing", async () => {
    expect(await attack(`http://evil.example:${portOf(site)}/`, gateway.http)).toEqual(REJECTED);
    expect(await stored()).toEqual([0, 1]);
  });

  test("whose name resolves to this machine (DNS rebinding) reads nothing and stores nothing", async () => {
    const rebound = gateway.http.replace("127.0.0.1", "rebound.example");
    const page = await browser.context.newPage();
    const answer = await page.goto(`${rebound}/data/secret?last_entry_id=0`);
    expect(answer?.status()).toBe(403);
    expect(await answer?.text()).toContain("FORBIDDEN_HOST");
    const socket = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const one = new WebSocket(url);
          one.onopen = () => resolve("open");
          one.onclose = () => resolve("rejected");
        }),
      `${rebound.replace("http", "ws")}/data/secret/pull`,
    );
    expect(socket).toBe("rejected");
    await page.close();
  });

  test("admits a page of this machine, which proves that the attempts work", async () => {
    const got = await attack(`http://localhost:${portOf(site)}/`, gateway.http);
    expect(got).toMatchObject({ img: "shown", events: "received", pull: "received", push: "received" });
    expect(got.post).toMatch(/^\["\d+-\d+"\]$/);
    expect((await stored())[0]).toBe(1);
  });
});

describe("the gateway's own pages", () => {
  test("load under their content security policy without violations or requests to other hosts", async () => {
    const page = await browser.context.newPage();
    const problems: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("request", (request) => {
      if (!request.url().startsWith(gateway.http) && !request.url().startsWith("data:"))
        problems.push(request.url());
    });
    for (const path of ["/", "/send", "/login", "/docs"]) {
      const answer = await page.goto(gateway.http + path);
      expect(answer?.status()).toBe(200);
      const headers = answer?.headers() ?? {};
      expect(headers["content-security-policy"]).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
      expect(headers["x-frame-options"]).toBe("DENY");
      expect(headers["referrer-policy"]).toBe("same-origin");
      expect(headers["x-content-type-options"]).toBe("nosniff");
    }
    await page.waitForSelector(".opblock");
    // The browser requests the icon of the home page by itself.
    expect(problems.filter((line) => !line.includes("favicon") && !line.includes("404"))).toEqual([]);
    await page.goto(`${gateway.http}/login`);
    expect(await page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")).not.toBe("none");
    await page.goto(gateway.http);
    await page.getByRole("treegrid", { name: "Streams" }).waitFor();
    expect(await page.evaluate("getComputedStyle(document.getElementById('app')).display")).toBe("flex");
    await page.close();
  });

  test("keep a shared console link through the login, also after a failed one", async () => {
    const key = keys.add("link", ["read"]);
    await browser.context.clearCookies();
    const page = await browser.context.newPage();
    const link = `${guarded.http}/#open=default%3Acam`;
    await page.goto(link);
    await page.fill("input[name=token]", "wrong");
    await page.click("button");
    // A new key is loaded within the polling interval of half a second.
    await until("it is logged in", async () => {
      if ((await page.locator("input[name=token]").count()) === 0) return true;
      await page.fill("input[name=token]", key);
      await page.click("button");
      return false;
    });
    expect(page.url()).toBe(link);
    await page.close();
    await browser.context.clearCookies();
  });

  test("accept a login with a key once for all pages", async () => {
    const key = keys.add("browser", ["read"]);
    const page = await browser.context.newPage();
    await page.goto(`${guarded.http}/docs`);
    // A new key is loaded within the polling interval of half a second.
    for (let i = 0; i < 20 && (await page.locator("input[name=token]").count()) > 0; i++) {
      await page.fill("input[name=token]", key);
      await page.click("button");
      await page.waitForLoadState();
    }
    await page.waitForSelector(".opblock");
    expect(new URL(page.url()).pathname).toMatch(/^\/docs/);
    expect(await page.evaluate("document.cookie")).toBe("");
    const shown = await page.evaluate(async () => (await fetch("/data/secret?block=0")).status);
    expect(shown).toBe(200);
    const foreign = await browser.context.newPage();
    await foreign.goto(`http://127.0.0.1:${portOf(site)}/`);
    const other = await foreign.evaluate(
      (url) =>
        fetch(url, { credentials: "include", mode: "no-cors", method: "POST", body: "x" }).then(() => "sent"),
      `${guarded.http}/data/pushed-by-cookie`,
    );
    expect(other).toBe("sent");
    expect(await redis.control.call("EXISTS", "default:pushed-by-cookie")).toBe(0);
    await foreign.close();
    await page.close();
  });
});
