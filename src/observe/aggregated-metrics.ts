/**
 * Aggregated metrics of all workers on one page. Counters and gauges are summed. Measurements such as event loop
 * lag show the maximum. The counters of an ended worker stay in the sums, because Prometheus would interpret a decrease as a
 * restart and count everything again.
 */
import { AggregatorRegistry, Counter, Gauge, Registry } from "prom-client";
import type { MetricValues } from "./metrics.ts";
import { addProcessMetrics } from "./process-metrics.ts";

/** Metrics page of all workers. */
export interface AggregatedMetrics {
  /** Records the current values of a worker. */
  record(id: number, values: MetricValues): void;
  /** Removes an ended worker; its last counters stay in the sums. @param byItself whether it ended without a stop request */
  remove(id: number, byItself: boolean): void;
  /** Returns the page. */
  text(): Promise<string>;
}

/** Process metrics; those of the primary are included, because distributing connections costs processor time. */
const PROCESS = /^process_/;
/** The library omits this metric when it aggregates; the start of the primary is shown. */
const START = "process_start_time_seconds";
/** Metrics that show the maximum of all workers, so that one blocked worker is visible. */
const WORST = /^nodejs_eventloop_lag_(seconds|mean|max|stddev|p\d+)/;

/** Creates the page. @param workers returns the number of running workers */
export function createAggregatedMetrics(workers: () => number): AggregatedMetrics {
  const live = new Map<number, MetricValues>();
  let departed: Promise<MetricValues> = Promise.resolve([]);
  const own = new Registry();
  addProcessMetrics(own);
  for (const { name } of own.getMetricsAsArray()) if (!PROCESS.test(name)) own.removeSingleMetric(name);
  new Gauge({
    name: "redis_streamer_workers",
    help: "Running worker processes",
    registers: [own],
    collect() {
      this.set(workers());
    },
  });
  const deaths = new Counter({
    name: "redis_streamer_worker_deaths_total",
    help: "Worker processes that ended without a stop request",
    registers: [own],
  });

  return {
    record(id, values) {
      live.set(id, values.map(readable));
    },
    remove(id, byItself) {
      if (byItself) deaths.inc();
      const last = (live.get(id) ?? []).filter(grows);
      live.delete(id);
      departed = departed.then((sums) => AggregatorRegistry.aggregate([sums, last]).getMetricsAsJSON());
    },
    async text() {
      const sums = await departed;
      const process = (await own.getMetricsAsJSON()).map((one) =>
        one.name === START ? { ...one, aggregator: "first" as const } : one,
      );
      return AggregatorRegistry.aggregate([process, sums, ...live.values()]).metrics();
    },
  };
}

/** Returns whether a metric only increases, so that it outlives its worker. */
const grows = ({ type }: MetricValues[number]): boolean => ["counter", "histogram"].includes(String(type));

/** Restores NaN, which JSON turns into null, and sets how values of several workers are aggregated. */
const readable = (metric: MetricValues[number]): MetricValues[number] => ({
  ...metric,
  ...(WORST.test(metric.name) && { aggregator: "max" as const }),
  values: metric.values.map((one) => ({ ...one, value: one.value ?? Number.NaN })),
});
