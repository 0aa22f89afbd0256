/**
 * The metrics of all workers as one page: what grows is added up, levels are added up, and of what each worker measures
 * of the same thing the worst is shown. What a worker that has ended had counted stays in the sums, so that they never
 * go back: Prometheus would take that for a restart, and count all of it again.
 */
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { MetricValues } from "./metrics.ts";

/** The page of all. */
export interface AggregatedMetrics {
  /** Notes what a worker answered. */
  record(id: number, values: MetricValues): void;
  /** A worker has ended; what it last answered stays in the sums. @param byItself and was not told to */
  remove(id: number, byItself: boolean): void;
  /** The page of what was noted. */
  text(): Promise<string>;
}

/** Of these the primary process has its own, which count too: its processor time is what handing out connections costs. */
const PROCESS = /^process_/;
/** The library shows no start at all where there are several; that of the primary is that of the whole. */
const START = "process_start_time_seconds";
/** A worker whose loop is blocked is not to hide behind others. */
const WORST = /^nodejs_eventloop_lag_(seconds|mean|max|stddev|p\d+)/;

/** Makes the page. @param workers how many there are now */
export function createAggregatedMetrics(workers: () => number): AggregatedMetrics {
  const live = new Map<number, MetricValues>();
  let departed: Promise<MetricValues> = Promise.resolve([]);
  const own = new Registry();
  collectDefaultMetrics({ register: own });
  for (const { name } of own.getMetricsAsArray()) if (!PROCESS.test(name)) own.removeSingleMetric(name);
  new Gauge({
    name: "redis_streamer_workers",
    help: "Worker processes that serve clients now",
    registers: [own],
    collect() {
      this.set(workers());
    },
  });
  const deaths = new Counter({
    name: "redis_streamer_worker_deaths_total",
    help: "Times that a worker process ended without being told to",
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

/** What never goes back, and is not undone by an end. */
const grows = ({ type }: MetricValues[number]): boolean => ["counter", "histogram"].includes(String(type));

/** As it was before it went through JSON, which knows no NaN, and with how values of several workers become one. */
const readable = (metric: MetricValues[number]): MetricValues[number] => ({
  ...metric,
  ...(WORST.test(metric.name) && { aggregator: "max" as const }),
  values: metric.values.map((one) => ({ ...one, value: one.value ?? Number.NaN })),
});
