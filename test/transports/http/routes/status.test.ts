/** Status routes: home page, health, readiness and metrics. */
import { expect, test } from "vitest";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";
import { until } from "../../../support/until.ts";

const { redis, gateway } = await openOwnGateway({ REDIS_WAIT_MS: "200" });

const get = (path: string, accept = "*/*") => request(`${gateway.http}${path}`, { headers: { accept } });

test("/ returns name, version and links to programs, and the console to browsers", async () => {
  const { links, ...about } = (await get("/")).json() as { links: Record<string, string> };
  expect(about).toEqual({ name: "redis-streamer", version: "test", about: expect.any(String) });
  const page = await get("/", "text/html,application/xhtml+xml,*/*;q=0.8");
  expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(page.text).toContain('<div id="app">');
  const { foxglove, lichtblick, ...own } = links;
  const url = encodeURIComponent(`${gateway.ws}/foxglove`);
  expect(foxglove).toBe(`https://app.foxglove.dev/~/view?ds=foxglove-websocket&ds.url=${url}`);
  expect(lichtblick).toBe(
    `https://lichtblick-suite.github.io/lichtblick/?ds=foxglove-websocket&ds.url=${url}`,
  );
  expect(Object.keys(own)).toContain("docs");
  for (const href of Object.values(own)) {
    // With the Accept header of a browser: /graphql is a page for browsers and requires a query from programs.
    expect((await get(href, "text/html,*/*;q=0.8")).status).toBe(200);
  }
});

test("/metrics counts entries in and out, in the Prometheus format", async () => {
  const metric = async (name: string) =>
    Number(
      new RegExp(`^redis_streamer_${name}(?:{class="default"})? (\\d+)$`, "m").exec(
        (await get("/metrics")).text,
      )?.[1],
    );
  expect((await get("/metrics")).headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
  const [entries, bytes] = [await metric("entries_in_total"), await metric("bytes_in_total")];
  await using push = await connectSocket(`${gateway.ws}/data/m/push?ack=1`);
  push.send("[2,5]");
  push.send(Buffer.from("abcde"));
  await push.next();
  expect(await metric("entries_in_total")).toBe(entries + 2);
  expect(await metric("bytes_in_total")).toBe(bytes + 5);
  const out = await metric("entries_out_total");
  await using pull = await connectSocket(`${gateway.ws}/data/m/pull?last_entry_id=0&header=0`);
  await pull.next();
  await pull.next();
  expect(await metric("entries_out_total")).toBe(out + 2);
  expect(await metric("websockets")).toBe(2);
  expect(await metric("readers")).toBe(1);
});

test("/readyz reports the state of Redis, /healthz that of the process", async () => {
  expect([(await get("/readyz")).status, (await get("/readyz")).json()]).toEqual([200, { status: "ready" }]);
  await redis.kill();
  const unavailable = await get("/readyz");
  expect([unavailable.status, unavailable.json()]).toMatchObject([
    503,
    { status: "not ready", error: "Redis is unavailable; try again later", code: "REDIS_UNAVAILABLE" },
  ]);
  expect(unavailable.headers["retry-after"]).toBe("1");
  expect([(await get("/healthz")).status, (await get("/healthz")).json()]).toMatchObject([
    200,
    { status: "ok", version: "test" },
  ]);
  await redis.start();
  await until("it is ready", async () => (await get("/readyz")).status === 200);
  redis.freeze();
  const frozen = await get("/readyz");
  expect([frozen.status, frozen.json()]).toMatchObject([503, { error: "Redis does not reply" }]);
  redis.thaw();
  await until("it is ready", async () => (await get("/readyz")).status === 200);
});
