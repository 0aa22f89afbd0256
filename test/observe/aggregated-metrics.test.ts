/** The metrics of several workers as one page. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { createAggregatedMetrics } from "../../src/observe/aggregated-metrics.ts";
import { createCounters } from "../../src/observe/counters.ts";
import { createLatencyHistogram, createMetrics, type MetricValues } from "../../src/observe/metrics.ts";
import { createStreamClasses } from "../../src/observe/stream-classes.ts";

/** The values of a worker, as received over IPC. */
async function valuesOf(
  entriesIn: number,
  { redisSeconds = 0.001, delays = [] as number[] } = {},
): Promise<MetricValues> {
  const streamClasses = createStreamClasses();
  streamClasses.of("default:s").entriesIn = entriesIn;
  const latency = createLatencyHistogram();
  for (const delay of delays) latency.observe(delay);
  const metrics = createMetrics({
    counters: { ...createCounters(), readers: entriesIn },
    streamClasses,
    latency,
    sockets: () => 1,
    sendBufferBytes: () => 0,
    limitHits: { sockets: 2 },
    errors: new Map([["NOT_FOUND", 3]]),
    sessions: () => new Map([["pull", 4]]),
    memory: () => [["body", { bytes: 5, waits: 2, rejections: 1 }]],
    backlogs: async () => [],
    redisSeconds: async () => redisSeconds,
  });
  return JSON.parse(JSON.stringify(await metrics.values())) as MetricValues;
}

const sample = (text: string, name: string) =>
  text
    .split("\n")
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1);

test("sums counters and gauges, merges histograms and shows the maximum of measurements", async () => {
  const whole = createAggregatedMetrics(() => 2);
  whole.record(1, await valuesOf(10, { delays: [0.003, 0.2] }));
  whole.record(2, await valuesOf(5, { redisSeconds: 0.5, delays: [0.003] }));
  const text = await whole.text();
  const expected = {
    'redis_streamer_entries_in_total{class="default"}': "15",
    redis_streamer_readers: "15",
    redis_streamer_websockets: "2",
    'redis_streamer_limits_hit_total{limit="sockets"}': "4",
    'redis_streamer_rejections_total{code="NOT_FOUND"}': "6",
    'redis_streamer_connections{kind="pull"}': "8",
    redis_streamer_redis_ping_seconds: "0.5",
    'redis_streamer_append_to_socket_seconds_bucket{le="0.005"}': "2",
    'redis_streamer_append_to_socket_seconds_bucket{le="+Inf"}': "3",
    redis_streamer_append_to_socket_seconds_count: "3",
    redis_streamer_workers: "2",
  };
  for (const [name, value] of Object.entries(expected))
    expect([name, sample(text, name)]).toEqual([name, value]);
  expect(Number(sample(text, "process_start_time_seconds"))).toBeGreaterThan(1e9);
  execFileSync("promtool", ["check", "metrics"], { input: text });
});

test("shows that Redis is unavailable for one worker", async () => {
  const whole = createAggregatedMetrics(() => 2);
  whole.record(1, await valuesOf(0, { redisSeconds: Number.NaN }));
  whole.record(2, await valuesOf(0));
  expect(sample(await whole.text(), "redis_streamer_redis_ping_seconds")).toBe("Nan");
});

test("keeps counters and drops gauges of ended workers", async () => {
  const whole = createAggregatedMetrics(() => 1);
  whole.record(1, await valuesOf(10, { delays: [0.003] }));
  whole.record(2, await valuesOf(5));
  whole.remove(1, true);
  whole.remove(2, false);
  whole.record(3, await valuesOf(1));
  const text = await whole.text();
  expect(sample(text, 'redis_streamer_entries_in_total{class="default"}')).toBe("16");
  expect(sample(text, "redis_streamer_append_to_socket_seconds_count")).toBe("1");
  expect(sample(text, "redis_streamer_readers")).toBe("1");
  expect(sample(text, "redis_streamer_worker_deaths_total")).toBe("1");
});
