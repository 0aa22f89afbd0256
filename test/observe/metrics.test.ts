/** The metrics page as Prometheus reads it. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createAggregatedMetrics } from "../../src/observe/aggregated-metrics.ts";
import { request } from "../support/clients/http.ts";
import { connectSocket } from "../support/clients/socket.ts";
import { openOwnGateway } from "../support/gateway/own-gateway.ts";
import { until } from "../support/until.ts";

const { redis, gateway } = await openOwnGateway({ METRICS_CLASSES: "cameras=*:cam*" });

const page = async () => (await request(`${gateway.http}/metrics`)).text;

/** The lines of one metric. */
const samples = (text: string, name: string) => text.split("\n").filter((line) => line.startsWith(name));

/** Text-based exposition format, version 0.0.4; prom-client writes `Nan`, which Prometheus reads as Go's `ParseFloat` does. */
const SAMPLE =
  /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"(,[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*")*\})? (Na[nN]|[+-]?Inf|-?[\d.]+(e[+-]?\d+)?)$/;

test("writes every sample under its own HELP and TYPE", async () => {
  const answer = await request(`${gateway.http}/metrics`);
  expect(answer.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
  let family = "";
  for (const line of answer.text.split("\n").filter((one) => one !== "")) {
    const [, declared] = /^# (?:HELP|TYPE) (\S+) \S+/.exec(line) ?? [];
    if (declared !== undefined) family = declared;
    else {
      expect(line).toMatch(SAMPLE);
      expect(line.startsWith(family)).toBe(true);
    }
  }
  // Prometheus's own names for counters and gauges.
  for (const [, name = "", type] of answer.text.matchAll(/^# TYPE (redis_streamer_\S+) (\S+)$/gm))
    expect(`${name} ${type === "counter"}`).toBe(`${name} ${name.endsWith("_total")}`);
});

test("passes promtool", async () => {
  expect(execFileSync("promtool", ["--version"], { encoding: "utf8" })).toContain("promtool");
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: await page(),
    encoding: "utf8",
  });
  expect(`${status} ${stdout}${stderr}`.trim()).toBe("0");
});

test("has every metric of the dashboard and the alerts", async () => {
  // The page includes the metrics that exist only with several workers.
  const text = (await page()) + (await createAggregatedMetrics(() => 1).text());
  for (const file of ["docs/grafana-dashboard.json", "docs/alerts.yaml"]) {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
    const named = new Set([...source.matchAll(/\b(?:redis_streamer|nodejs)_\w+/g)].map(([name]) => name));
    expect(named.size).toBeGreaterThan(5);
    for (const name of named) expect(text).toContain(`# TYPE ${name.replace(/_bucket$/, "")} `);
  }
});

test("the alerts pass promtool", () => {
  const alerts = fileURLToPath(new URL("../../docs/alerts.yaml", import.meta.url));
  expect(execFileSync("promtool", ["check", "rules", alerts], { encoding: "utf8" })).toContain("SUCCESS");
});

test("has as many lines for a thousand streams as for one", async () => {
  const lines = async () => samples(await page(), "redis_streamer_").length;
  const send = (stream: string) => request(`${gateway.http}/data/${stream}`, { method: "POST", body: "x" });
  await send("first");
  await send("a+b");
  await request(`${gateway.http}/nothing`);
  const before = await lines();
  await Promise.all(Array.from({ length: 1000 }, (_, i) => send(`stream-${i}`)));
  for (const path of ["/nothing-1", "/nothing-2"]) await request(gateway.http + path);
  expect(await lines()).toBe(before);
});

/** The value of a metric of a class of streams. */
const ofClass = async (name: string, one: string) =>
  Number(samples(await page(), `redis_streamer_${name}{class="${one}"}`)[0]?.split(" ")[1]);

test("counts entries in and out by stream class, on every transport", async () => {
  const counts = async () => {
    const of = (name: string) => Promise.all(["cameras", "other"].map((one) => ofClass(name, one)));
    return (
      await Promise.all(
        ["entries_in", "bytes_in", "entries_out", "bytes_out"].map((name) => of(`${name}_total`)),
      )
    ).flat();
  };
  const before = await counts();
  const address = `${gateway.http}/data/cam1?device_id=hat`;
  await request(address, { method: "POST", body: "12345" });
  await request(`${gateway.http}/data/imu?device_id=hat`, { method: "POST", body: "123" });
  await request(`${address}&last_entry_id=0`);
  await request(`${gateway.http}/data/cam1/entries?device_id=hat`);
  await request(`${gateway.http}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"query":"{device(id:\\"hat\\"){stream(streamId:\\"cam1\\"){entries(first:5){edges{node{id}}}}}}"}',
  });
  await using pull = await connectSocket(`${gateway.ws}/data/cam1+imu/pull?device_id=hat&last_entry_id=0`);
  await pull.pair();
  await pull.pair();
  const after = await counts();
  expect(after.map((value, i) => value - (before[i] ?? 0))).toEqual([1, 1, 5, 3, 4, 1, 20, 3]);
});

test("counts entries that latest readers skip", async () => {
  await until(
    "there are no readers",
    async () => samples(await page(), "redis_streamer_readers 0").length === 1,
  );
  const conflated = () => ofClass("entries_conflated_total", "cameras");
  const before = await conflated();
  const send = (body: string) => request(`${gateway.http}/data/cam2`, { method: "POST", body });
  await using newest = await connectSocket(`${gateway.ws}/data/cam2/pull?header=0&latest=1&ack=1`);
  await using all = await connectSocket(`${gateway.ws}/data/cam2/pull?header=0`);
  await until("both read", async () => samples(await page(), "redis_streamer_readers 2").length === 1);
  for (let round = 0; round < 3; round++) {
    await send("first");
    expect(await newest.text()).toBe("first");
    // It has not acknowledged that one, so of these it gets the last.
    for (const body of ["a", "b", "c"]) await send(body);
    for (let i = 0; i < 4; i++) await all.next();
    newest.send("ack");
    expect(await newest.text()).toBe("c");
    newest.send("ack");
    await newest.taken();
  }
  expect((await conflated()) - before).toBe(6);
});

test("reports connections, latency, Redis and errors", async () => {
  await using pull = await connectSocket(`${gateway.ws}/data/seen/pull?header=0&last_entry_id=0`);
  await redis.control.call("XADD", "default:seen", "*", "d", "x");
  await pull.next();
  await until("the delay is sampled", async () =>
    samples(await page(), "redis_streamer_append_to_socket_seconds_count").some(
      (line) => !line.endsWith(" 0"),
    ),
  );
  await until("those before are gone", async () =>
    (await page()).includes('\nredis_streamer_connections{kind="pull"} 1\n'),
  );
  const text = await page();
  expect(Number(samples(text, "redis_streamer_redis_ping_seconds")[0]?.split(" ")[1])).toBeGreaterThan(0);
  expect(samples(text, 'redis_streamer_rejections_total{code="NOT_FOUND"}')).toHaveLength(1);
});

test("has the backlog of consumer groups with workers, by stream class", async () => {
  for (const id of ["5-1", "5-2", "5-3"]) await redis.control.call("XADD", "default:cam-jobs", id, "d", "x");
  const worker = await connectSocket(`${gateway.ws}/data/cam-jobs/work/g?from=0&permits=1&format=json`);
  await worker.next();
  await until("one entry is pending, and two are not delivered", async () => {
    const lines = samples(await page(), "redis_streamer_work_entries");
    return (
      lines.includes('redis_streamer_work_entries{class="cameras",state="pending"} 1') &&
      lines.includes('redis_streamer_work_entries{class="cameras",state="lag"} 2')
    );
  });
  worker.close();
});
