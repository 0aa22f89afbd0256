/** Metrics for Prometheus: the counters, entries by class of streams, and what the runtime knows of itself. Nothing is labelled by stream. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Counters } from "./counters.ts";
import type { ClassCounters, StreamClasses } from "./stream-classes.ts";

/** All metrics with their values, as the library has them. */
export type MetricValues = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** The metrics page. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** What is on the page, to be put together with that of others. */
  values(): Promise<MetricValues>;
  /** An entry went from being stored to being handed to sockets in so many seconds. */
  observeLatency(seconds: number): void;
}

type Kind = "counter" | "gauge";

/** One metric per number of the counters: a number without a row does not compile. */
const ROWS: Readonly<Record<keyof Counters, readonly [kind: Kind, name: string, help: string]>> = {
  entriesRejected: ["counter", "entries_refused_total", "Appends that Redis answered with an error"],
  entriesUnknown: ["counter", "entries_unknown_total", "Appends whose answer was lost with the connection"],
  appendsInFlight: ["gauge", "appends_in_flight", "Appends that wait for Redis"],
  appendBytesInFlight: ["gauge", "append_bytes_in_flight", "Payload bytes that wait for Redis"],
  pushPauses: [
    "counter",
    "push_pauses_total",
    "Times that a pushing socket was no longer read, because of what waits",
  ],
  bytesSent: [
    "counter",
    "bytes_sent_total",
    "Bytes written to readers that follow streams, framing included",
  ],
  gaps: ["counter", "gaps_total", "Times that a reader's cursor had been trimmed away before it came"],
  readers: ["gauge", "readers", "Subscriptions now"],
  readersPaused: [
    "gauge",
    "readers_paused",
    "Subscriptions that are paused: slow, waiting for an ack or a pong, or limited in rate",
  ],
  slowPauses: ["counter", "slow_pauses_total", "Times that a reader was over its high-water mark"],
  pagesRead: ["counter", "pages_read_total", "Pages of history read from Redis"],
  pagesShared: ["counter", "pages_shared_total", "Pages of history that another reader's read served"],
  tailReads: ["counter", "tail_reads_total", "Reads of the live tail"],
  tailStreams: ["gauge", "tail_streams", "Streams that the live tail watches"],
  recentBytes: ["gauge", "recent_bytes", "Memory of the newest entries of live streams"],
  pageCacheBytes: ["gauge", "page_cache_bytes", "Memory of history pages kept for other readers"],
  pollCacheBytes: ["gauge", "polled_bytes", "Memory of answers kept for clients that poll"],
  bufferPoolBytes: ["gauge", "payload_pool_bytes", "Memory kept for large messages to come"],
  redisReconnects: ["counter", "redis_reconnects_total", "Times that a connection to Redis was lost"],
  imagesSkipped: [
    "counter",
    "pictures_skipped_total",
    "Entries that /mjpeg skipped because they are not images, once for each viewer",
  ],
  redisUnavailable: [
    "gauge",
    "redis_unavailable",
    "Whether Redis does not answer now: 1, or with WORKERS how many workers see it so",
  ],
  clientErrors: [
    "counter",
    "client_errors_total",
    "Requests and sockets refused for something the client did",
  ],
  requestWarnings: [
    "counter",
    "request_warnings_total",
    "Requests accepted with a warning: an unknown parameter, or a time in the wrong unit",
  ],
  internalErrors: ["counter", "internal_errors_total", "Requests and sockets that failed in the gateway"],
};

/** One metric per number of a class of streams. */
const CLASS_ROWS: Readonly<Record<keyof ClassCounters, readonly [name: string, help: string]>> = {
  entriesIn: ["entries_in_total", "Entries stored, by class of streams"],
  bytesIn: ["bytes_in_total", "Payload bytes stored, by class of streams"],
  entriesOut: ["entries_out_total", "Entries sent, once for each reader, by class of streams"],
  bytesOut: ["bytes_out_total", "Payload bytes sent, once for each reader, by class of streams"],
  conflated: [
    "entries_conflated_total",
    "Entries that a reader of the newest was not sent because a newer one had come, by class of streams",
  ],
};

/** What is read when somebody looks, beside the counters. */
export interface MetricSources {
  readonly counters: Counters;
  readonly streamClasses: StreamClasses;
  /** WebSockets open now, and the bytes that they have not sent yet. */
  readonly sockets: () => number;
  readonly sendBufferBytes: () => number;
  /** How often each limit was hit: a fixed set of names. */
  readonly limitHits: Readonly<Record<string, number>>;
  /** How often each error was told, by its code: those of `domain/errors.ts`. */
  readonly errors: ReadonlyMap<string, number>;
  /** Connections that last, now, by kind: a fixed set. */
  readonly sessions: () => ReadonlyMap<string, number>;
  /** Memory that clients cause, by use: a fixed set. */
  readonly memory: () => Iterable<
    readonly [
      use: string,
      counts: { readonly bytes: number; readonly waits: number; readonly rejections: number },
    ]
  >;
  /** How long Redis takes to answer now, in seconds; NaN where it does not. */
  readonly redisSeconds: () => Promise<number>;
}

/** Upper bounds in seconds: what a reader on the same machine sees, to what a person would call broken. */
const DELAY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Gauges of the library that are named as counters are, so that Prometheus' own check refuses the page. */
const MISNAMED = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** Makes the metrics page. */
export function createMetrics(sources: MetricSources): Metrics {
  const {
    counters,
    streamClasses,
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
  addGauge(
    { name: "redis_streamer_websockets", help: "WebSockets open now", registers: [register] },
    sockets,
  );
  addGauge(
    {
      name: "redis_streamer_send_buffer_bytes",
      help: "Bytes that WebSockets have not sent yet",
      registers: [register],
    },
    sendBufferBytes,
  );
  addByLabel(register, "limits_hit_total", "Times that a limit was hit", "limit", () =>
    Object.entries(limitHits),
  );
  addByLabel(register, "refusals_total", "Errors told to clients, by their code", "code", () => errors);
  new Gauge({
    name: "redis_streamer_connections",
    help: "Connections that last, by kind",
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
    help: "Time in which Redis answered just now; NaN where it did not",
    aggregator: "max",
    registers: [register],
    async collect(this: Gauge) {
      this.set(await redisSeconds());
    },
  });
  const delay = new Histogram({
    name: "redis_streamer_append_to_socket_seconds",
    help: "Time from an entry's id to its being handed to sockets, sampled; true where writer and gateway share a clock",
    buckets: DELAY_BUCKETS,
    registers: [register],
  });
  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    values: () => register.getMetricsAsJSON(),
    observeLatency: (seconds) => delay.observe(seconds),
  };
}

/** Bytes, waits and rejections of the memory budgets, by use. */
function addMemory(register: Registry, memory: MetricSources["memory"]): void {
  new Gauge({
    name: "redis_streamer_memory_bytes",
    help: "Memory that clients cause, by use",
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
    "Requests and messages that found no memory, by use",
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
