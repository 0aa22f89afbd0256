/** Prometheus metrics: counters, entries by stream class, and runtime metrics. No metric has a label per stream. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Counters } from "./counters.ts";
import type { ClassCounters, StreamClasses } from "./stream-classes.ts";

/** All metrics with their values, in the library's format. */
export type MetricValues = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** The metrics page. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** Returns the values, for aggregation with those of other workers. */
  values(): Promise<MetricValues>;
}

type Kind = "counter" | "gauge";

/** One metric per counter: a counter without a row does not compile. */
const ROWS: Readonly<Record<keyof Counters, readonly [kind: Kind, name: string, help: string]>> = {
  entriesRejected: ["counter", "entries_rejected_total", "Appends to which Redis replied with an error"],
  entriesUnknown: ["counter", "entries_unknown_total", "Appends whose reply was lost with the connection"],
  appendsInFlight: ["gauge", "appends_in_flight", "Appends that wait for Redis"],
  appendBytesInFlight: ["gauge", "append_bytes_in_flight", "Payload bytes that wait for Redis"],
  pushPauses: [
    "counter",
    "push_pauses_total",
    "Times that reading from a pushing socket paused because too many bytes waited for Redis",
  ],
  bytesSent: ["counter", "bytes_sent_total", "Bytes written to subscriptions, including framing"],
  gaps: [
    "counter",
    "gaps_total",
    "Gaps: entries after a reader's cursor were trimmed or deleted before it read them",
  ],
  readers: ["gauge", "readers", "Open subscriptions"],
  readersPaused: [
    "gauge",
    "readers_paused",
    "Paused subscriptions: slow client, pending ack or pong, rate limit, or memory",
  ],
  slowPauses: ["counter", "slow_pauses_total", "Times that a reader exceeded its high-water mark"],
  pagesRead: ["counter", "pages_read_total", "Pages of history read from Redis"],
  pagesShared: ["counter", "pages_shared_total", "Pages of history shared from another reader's read"],
  tailReads: ["counter", "tail_reads_total", "Reads by the live tail"],
  tailStreams: ["gauge", "tail_streams", "Streams that the live tail watches"],
  recentBytes: ["gauge", "recent_bytes", "Memory of recent batches of live streams"],
  pageCacheBytes: ["gauge", "page_cache_bytes", "Memory of the page cache"],
  pollCacheBytes: ["gauge", "polled_bytes", "Memory of the poll cache"],
  answersRepeated: [
    "counter",
    "answers_repeated_total",
    "Responses that repeat the one to an identical request",
  ],
  answersKeptBytes: ["gauge", "answers_kept_bytes", "Memory of responses kept for identical requests"],
  bufferPoolBytes: ["gauge", "payload_pool_bytes", "Memory of the buffer pool for large messages"],
  redisReconnects: ["counter", "redis_reconnects_total", "Lost connections to Redis"],
  imagesSkipped: [
    "counter",
    "pictures_skipped_total",
    "Entries that /mjpeg skipped because they are not images, counted per viewer",
  ],
  redisUnavailable: [
    "gauge",
    "redis_unavailable",
    "1 while Redis is unavailable; with WORKERS, the number of workers for which it is",
  ],
  clientErrors: ["counter", "client_errors_total", "Requests and sockets rejected because of a client error"],
  requestWarnings: [
    "counter",
    "request_warnings_total",
    "Requests accepted with a warning: an unknown parameter, or a time in the wrong unit",
  ],
  internalErrors: [
    "counter",
    "internal_errors_total",
    "Requests and sockets that failed because of an internal error",
  ],
};

/** One metric per counter of a stream class. */
const CLASS_ROWS: Readonly<Record<keyof ClassCounters, readonly [name: string, help: string]>> = {
  entriesIn: ["entries_in_total", "Entries stored, by stream class"],
  bytesIn: ["bytes_in_total", "Payload bytes stored, by stream class"],
  entriesOut: ["entries_out_total", "Entries sent, counted per reader, by stream class"],
  bytesOut: ["bytes_out_total", "Payload bytes sent, counted per reader, by stream class"],
  conflated: [
    "entries_conflated_total",
    "Entries that readers with latest=1 skipped because a newer one had arrived, by stream class",
  ],
};

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
  /** Measures the reply time of Redis in seconds; NaN if Redis does not reply. */
  readonly redisSeconds: () => Promise<number>;
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
    redisSeconds,
  } = sources;
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
  for (const key of Object.keys(ROWS) as (keyof Counters)[]) {
    const [kind, name, help] = ROWS[key];
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
  addByLabel(register, "limits_hit_total", "Hits of limits", "limit", () => Object.entries(limitHits));
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
