/** A link of a layout, opened with a key that may read only a part of it, in a real browser. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBrowser, type TestBrowser } from "../../support/browser/browser.ts";
import { axeViolations, lastRow, openInspector, paneOf, timeOf } from "../../support/browser/console-page.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { createTestKeys } from "../../support/gateway/keys.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let browser: TestBrowser;
let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

const START = 1_700_000_000_000;

test("shows the permitted half after the login, and states why the other half is missing", async () => {
  using keys = createTestKeys();
  const secret = keys.add("guest", ["read:rover:a"]);
  await using gateway = await startTestGateway(redis.url, { AUTH: "1", AUTH_KEYS_FILE: keys.path });
  for (const name of ["a", "secret"])
    for (const n of [0, 1, 2])
      await redis.control.call("XADD", `rover:${name}`, `${START + n * 1000}-0`, "d", `${name} ${n}`);
  const page = await browser.context.newPage();
  page.setDefaultTimeout(60_000);
  const rejected: string[] = [];
  const densities: number[] = [];
  page.on("response", (response) => {
    if (response.status() === 403) rejected.push(response.url());
    if (response.url().includes("/density")) densities.push(response.status());
  });
  const panes = "show=recordings&open=rover%3Aa&view=text&open=rover%3Asecret&view=text";
  const hash = `#${panes}&grid=h(0!*300,1!*350,2!*350)*1000&t=${START + 1000}`;
  await page.goto(`${gateway.http}/${hash}`);
  await page.getByLabel("Key or token").fill(secret);
  await page.getByRole("button", { name: "Log in" }).click();
  const shows = (text: string) =>
    until(text, async () => (await lastRow(paneOf(page, "rover:a")).textContent()) === text);
  await shows("a 1");
  const reason = "You are logged in as key:guest, which may not read rover:secret.";
  await paneOf(page, "rover:secret").getByText(reason).waitFor();
  await until("the strip is drawn", () => densities.includes(200));
  await page.getByText("Those of the open panes (1)").waitFor({ state: "attached" });
  // The time bar still moves what may be read.
  await timeOf(page).getByRole("button", { name: "One entry forward" }).click();
  await shows("a 2");
  await paneOf(page, "rover:secret").getByText(reason).click();
  const inspector = await openInspector(page);
  await inspector.getByText(reason).waitFor();
  expect(await inspector.locator("summary").count()).toBe(0);
  // The link still has all panes: it can be passed on.
  expect(page.url()).toContain("open=rover%3Asecret");
  expect(await axeViolations(page)).toEqual([]);
  expect(rejected).toEqual([]);
  await page.close();
});
