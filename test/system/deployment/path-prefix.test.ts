/** A gateway with a login behind a proxy with a path, whether or not the proxy strips the path: its pages and protocols. */
import { createClient as createSseClient } from "graphql-sse";
import { createClient as createWsClient } from "graphql-ws";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { withoutPrefix } from "../../../src/transports/request/path-prefix.ts";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { request } from "../../support/clients/http.ts";
import { startTestGateway, type TestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys, type TestKeys } from "../../support/gateway/keys.ts";
import { startProxy, type TestProxy } from "../../support/network/proxy.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

const PREFIX = "/lab/streams";

let redis: TestRedis;
let keys: TestKeys;
let key: string;
let gateway: TestGateway;
let browser: TestBrowser;

beforeAll(async () => {
  redis = await startRedis();
  keys = createTestKeys();
  key = keys.add("tester", ["admin"]);
  gateway = await startTestGateway(redis.url, {
    AUTH: "1",
    AUTH_KEYS_FILE: keys.path,
    PATH_PREFIX: PREFIX,
    TRUST_PROXY: "loopback",
  });
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await gateway.close();
  keys[Symbol.dispose]();
  await redis[Symbol.asyncDispose]();
});

describe.each<[string, (path: string) => string]>([
  ["removes the path prefix", (path) => withoutPrefix(path, PREFIX)],
  ["keeps the path prefix", (path) => path],
])("a proxy that %s", (_, rewrite) => {
  let proxy: TestProxy;
  let url: string;
  beforeAll(async () => {
    proxy = await startProxy(gateway, rewrite);
    url = proxy.origin + PREFIX;
  });
  afterAll(() => proxy[Symbol.asyncDispose]());

  test("forwards subscriptions over each protocol", async () => {
    const headers = { "x-api-key": key };
    await redis.control.call("XADD", "default:log", "1-1", "d", "hello");
    const query = 'subscription { data(streamIds: {log: "0"}) { string } }';
    const first = async (results: AsyncIterableIterator<unknown>) => {
      const { value } = await results.next();
      await results.return?.();
      return value;
    };
    for (const singleConnection of [false, true]) {
      const client = createSseClient({ url: `${url}/graphql`, headers, retryAttempts: 0, singleConnection });
      expect(await first(client.iterate({ query }))).toEqual({ data: { data: { string: "hello" } } });
      client.dispose();
    }
    class KeyedSocket extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols, { headers });
      }
    }
    const client = createWsClient({
      url: `${url.replace("http", "ws")}/graphql`,
      webSocketImpl: KeyedSocket,
      retryAttempts: 0,
    });
    expect(await first(client.iterate({ query }))).toEqual({ data: { data: { string: "hello" } } });
    await client.dispose();
    await redis.control.call("DEL", "default:log");
  });

  test("forwards the pages: login, documentation and console, with all their requests below the path", async () => {
    await redis.control.call("XADD", "default:shown", "*", "d", "hello");
    await using page = await openPage(url);
    await page.open("/docs");
    await logIn(page);
    await page.locator(".opblock").first().waitFor();
    expect(new URL(page.url()).pathname).toMatch(/^\/lab\/streams\/docs/);
    await page.open("/");
    const streams = page.getByRole("treegrid", { name: "Streams" });
    await streams.getByRole("button", { name: "default:shown" }).click();
    await page.getByRole("region", { name: "default:shown" }).getByText("hello").first().waitFor();
    expect(page.elsewhere).toEqual([]);
    expect(page.problems).toEqual([]);
  });
});

test("playground: subscribes behind a proxy that strips the path", async () => {
  await using proxy = await startProxy(gateway, (path) => withoutPrefix(path, PREFIX));
  await using page = await openPage(proxy.origin + PREFIX);
  await page.open("/login?next=/graphql");
  await logIn(page);
  const send = page.getByRole("button", { name: "Send Request" }).locator("visible=true");
  await page.getByText("query Streams").first().waitFor();
  await page.getByText("Follow", { exact: true }).first().click();
  await page.getByText("subscription Follow").locator("visible=true").first().waitFor();
  await send.click();
  await until("the page reads", async () => {
    const { text } = await request(`${gateway.http}/admin/connections`, { headers: { "x-api-key": key } });
    return text.includes('"default:my-stream"');
  });
  await redis.control.call("XADD", "default:my-stream", "*", "d", "pushed from outside");
  await page.getByText("pushed from outside").locator("visible=true").first().waitFor();
  expect(page.elsewhere).toEqual([]);
  expect(page.problems).toEqual([]);
});

async function logIn(page: Page): Promise<void> {
  await page.getByLabel("Key or token").fill(key);
  await page.getByRole("button", { name: "Log in" }).click();
}

async function openPage(url: string): Promise<Page & AsyncDisposable & OpenPage> {
  await browser.context.clearCookies();
  const page = await browser.context.newPage();
  page.setDefaultTimeout(60_000);
  const elsewhere: string[] = [];
  const problems: string[] = [];
  const note = (address: string) => {
    if (!/^(data|blob):/.test(address) && !new URL(address).pathname.startsWith(PREFIX))
      elsewhere.push(address);
  };
  page.on("request", (one) => note(one.url()));
  page.on("websocket", (one) => note(one.url()));
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // A missing login is reported as an error.
    if (message.type() === "error" && !message.text().includes("401")) problems.push(message.text());
  });
  return Object.assign(page, {
    elsewhere,
    problems,
    open: (path: string) => page.goto(url + path),
    [Symbol.asyncDispose]: () => page.close(),
  });
}

/** Requests and errors of a page. */
interface OpenPage {
  readonly elsewhere: readonly string[];
  readonly problems: readonly string[];
  open(path: string): Promise<unknown>;
}
