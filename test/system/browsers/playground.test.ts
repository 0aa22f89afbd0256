/** The playground in a browser: it loads, runs a query, and shows a pushed entry, without requests to other hosts. */
import { expect, test } from "vitest";
import { openPage } from "../../support/browser/browser.ts";
import { request } from "../../support/clients/http.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { until } from "../../support/until.ts";

const { redis, gateway } = await openOwnGateway();

const readers = async () =>
  Number(/^redis_streamer_readers (\d+)$/m.exec((await request(`${gateway.http}/metrics`)).text)?.[1]);

test("runs a query, and a subscription that delivers a pushed entry", async () => {
  await redis.control.call("XADD", "default:a-stream-of-the-test", "*", "d", "x");
  await using open = await openPage(`${gateway.http}/graphql`);
  const { page } = open;
  const result = page.locator(".query-result-content:visible, app-query-result:visible").first();

  await page.getByText("query Streams").first().waitFor();
  await page.getByRole("button", { name: "Send Request" }).locator("visible=true").click();
  await expect.poll(() => result.innerText(), { timeout: 60_000 }).toContain("default:a-stream-of-the-test");

  await page.getByText("Follow", { exact: true }).first().click();
  await page.getByText("subscription Follow").locator("visible=true").first().waitFor();
  await page.getByRole("button", { name: "Send Request" }).locator("visible=true").click();
  await until("the page reads", async () => (await readers()) === 1);
  await request(`${gateway.http}/data/my-stream`, { method: "POST", body: "pushed from outside" });
  await page.getByText("pushed from outside").locator("visible=true").first().waitFor();

  // Text of the page or of a stream must not run as a script.
  const { headers } = await request(`${gateway.http}/graphql`, { headers: { accept: "text/html" } });
  const policy = String(headers["content-security-policy"]);
  expect(policy).toMatch(/^default-src 'none';.* script-src 'self' 'sha256-[^']+';/);
  expect(policy.match(/[\w-]+ [^;]*unsafe[^;]*/g)).toEqual(["style-src 'self' 'unsafe-inline'"]);

  const { host } = new URL(gateway.http);
  const elsewhere = open.requests.filter((url) => !/^(data|blob):/.test(url) && new URL(url).host !== host);
  expect(elsewhere).toEqual([]);
  expect(open.errors).toEqual([]);
});
