/** Prometheus metrics: counters, entries by stream class, and runtime metrics. No metric has a label per stream. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { CLASS_ROWS, COUNTER_ROWS } from "./counter-rows.ts";
import type { Counters } from "./counters.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import type { ClassCounters, StreamClasses } from "./stream-classes.ts";

/** All metrics with their values, in the library's format. */
export type MetricValues = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** Metrics as text for Prometheus, and as values for aggregation over workers. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** Returns the values, for aggregation with those of other workers. */
  values(): Promise<MetricValues>;
}

/** Sources of the metrics, read for each scrape. */
export interface MetricSources {
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  /** Time from the storage of an entry to its write to sockets. */
  readonly latency: LatencyHistogram;
  /** Number of open WebSockets, and their unsent bytes. */
  readonly sockets: () => number;
  readonly sendBufferBytes: () => number;
  /** Number of hits of each limit, by a fixed set of names. */
  readonly limitHits: Readonly<Record<string, number>>;
  /** Number of errors sent to clients, by code (`domain/errors.ts`). */
  readonly errors: ReadonlyMap<string, number>;
  /** Number of open long-lived connections, by a fixed set of kinds. */
  readonly sessions: () => ReadonlyMap<string, number>;
  /** Memory used on behalf of clients, by a fixed set of uses. */
  readonly memory: () => Iterable<
    readonly [
      use: string,
      counts: { readonly bytes: number; readonly waits: number; readonly rejections: number },
    ]
  >;
  /** Reads the backlogs of consumer groups with workers at this gateway. */
  readonly backlogs: () => Promise<readonly Backlog[]>;
  /** Measures the reply time of Redis in seconds; NaN if Redis does not reply. */
  readonly redisSeconds: () => Promise<number>;
}

/** Entries of a consumer group that are not done. */
export interface Backlog {
  /** Key of the stream. */
  readonly key: string;
  readonly pending: number;
  readonly lag: number;
}

/** Upper bounds in seconds: from the latency on one machine to a latency that users would report as broken. */
const DELAY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Gauges of the library with counter names, which fail Prometheus' own check (promtool). */
const MISNAMED = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** Time from the storage of an entry to its write to sockets, in seconds. */
export type LatencyHistogram = Histogram;

/** Creates the histogram. */
export const createLatencyHistogram = (): LatencyHistogram =>
  new Histogram({
    name: "redis_streamer_append_to_socket_seconds",
    help: "Time from an entry's id to its write to sockets, sampled; accurate if writer and gateway clocks are in sync",
    buckets: DELAY_BUCKETS,
    registers: [],
  });

/** Creates the metrics page. */
export function createMetrics(sources: MetricSources): Metrics {
  const {
    counters,
    streamClasses,
    latency,
    sockets,
    sendBufferBytes,
    limitHits,
    errors,
    sessions,
    memory,
    backlogs,
    redisSeconds,
  } = sources;
  const register = new Registry();
  addProcessMetrics(register);
  for (const name of MISNAMED) register.removeSingleMetric(name);
  for (const key of Object.keys(COUNTER_ROWS) as (keyof Counters)[]) {
    const [kind, name, help] = COUNTER_ROWS[key];
    const options = { name: `redis_streamer_${name}`, help, registers: [register] };
    const read = () => counters[key];
    if (kind === "gauge") addGauge(options, read);
    else addCounter(options, read);
  }
  for (const key of Object.keys(CLASS_ROWS) as (keyof ClassCounters)[]) {
    const [name, help] = CLASS_ROWS[key];
    addByLabel(register, name, help, "class", () =>
      [...streamClasses.classes].map(([one, counts]) => [one, counts[key]] as const),
    );
  }
  addGauge({ name: "redis_streamer_websockets", help: "Open WebSockets", registers: [register] }, sockets);
  addGauge(
    {
      name: "redis_streamer_send_buffer_bytes",
      help: "Unsent bytes of WebSockets",
      registers: [register],
    },
    sendBufferBytes,
  );
  addByLabel(register, "limits_hit_total", "Times that a client reached a limit, by limit", "limit", () =>
    Object.entries(limitHits),
  );
  addByLabel(register, "rejections_total", "Errors sent to clients, by code", "code", () => errors);
  new Gauge({
    name: "redis_streamer_connections",
    help: "Open long-lived connections, by kind",
    labelNames: ["kind"],
    registers: [register],
    collect(this: Gauge) {
      this.reset();
      for (const [kind, count] of sessions()) this.set({ kind }, count);
    },
  });
  addMemory(register, memory);
  addBacklogs(register, streamClasses, backlogs);
  new Gauge({
    name: "redis_streamer_redis_ping_seconds",
    help: "Current reply time of Redis; NaN if it does not reply",
    aggregator: "max",
    registers: [register],
    async collect(this: Gauge) {
      this.set(await redisSeconds());
    },
  });
  register.registerMetric(latency);
  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    values: () => register.getMetricsAsJSON(),
  };
}

/** Bytes, waits and rejections of the memory budgets, by use. */
function addMemory(register: Registry, memory: MetricSources["memory"]): void {
  new Gauge({
    name: "redis_streamer_memory_bytes",
    help: "Memory used on behalf of clients, by use",
    labelNames: ["use"],
    registers: [register],
    collect(this: Gauge) {
      for (const [use, { bytes }] of memory()) this.set({ use }, bytes);
    },
  });
  addByLabel(
    register,
    "memory_waits_total",
    "Requests and messages that waited for memory, by use",
    "use",
    () => [...memory()].map(([use, { waits }]) => [use, waits] as const),
  );
  addByLabel(
    register,
    "memory_rejections_total",
    "Requests and messages rejected because memory was exhausted, by use",
    "use",
    () => [...memory()].map(([use, { rejections }]) => [use, rejections] as const),
  );
}

interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
}

function addGauge(options: MetricOptions, read: () => number): void {
  new Gauge({
    ...options,
    collect(this: Gauge) {
      this.set(read());
    },
  });
}

function addBacklogs(
  register: Registry,
  { of, classes }: StreamClasses,
  read: MetricSources["backlogs"],
): void {
  new Gauge({
    name: "redis_streamer_work_entries",
    help: "Entries of consumer groups with workers at this gateway, by stream class: pending (delivered, not settled), and lag (not delivered)",
    labelNames: ["class", "state"],
    // The workers of a group may be at several gateway processes, and each of these reports it.
    aggregator: "max",
    registers: [register],
    async collect(this: Gauge) {
      const found = await read();
      this.reset();
      for (const [name, counters] of classes) {
        const own = found.filter(({ key }) => of(key) === counters);
        for (const state of ["pending", "lag"] as const)
          this.set(
            { class: name, state },
            own.reduce((sum, backlog) => sum + backlog[state], 0),
          );
      }
    },
  });
}

function addByLabel(
  register: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string, number]>,
): void {
  new Counter({
    name: `redis_streamer_${name}`,
    help,
    labelNames: [label],
    registers: [register],
    collect(this: Counter) {
      this.reset();
      for (const [value, count] of read()) this.inc({ [label]: value }, count);
    },
  });
}

function addCounter(options: MetricOptions, read: () => number): void {
  new Counter({
    ...options,
    collect(this: Counter) {
      this.reset();
      this.inc(read());
    },
  });
}
