/** Metrics for Prometheus: the tally, and what the runtime knows of itself. Nothing is labelled by stream. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Tally } from "../domain/tally.ts";

/** The metrics page. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

type Kind = "counter" | "gauge";

/** One metric per number of the tally: a number without a row does not compile. */
const ROWS: Readonly<Record<keyof Tally, readonly [kind: Kind, name: string, help: string]>> = {
  entriesIn: ["counter", "entries_in_total", "Entries stored"],
  bytesIn: ["counter", "bytes_in_total", "Payload bytes stored"],
  entriesRefused: ["counter", "entries_refused_total", "Appends that Redis answered with an error"],
  entriesUnknown: ["counter", "entries_unknown_total", "Appends whose answer was lost with the connection"],
  appendsInFlight: ["gauge", "appends_in_flight", "Appends that wait for Redis"],
  appendBytesInFlight: ["gauge", "append_bytes_in_flight", "Payload bytes that wait for Redis"],
  pushPauses: [
    "counter",
    "push_pauses_total",
    "Times that a pushing socket was no longer read, because of what waits",
  ],
  entriesOut: ["counter", "entries_out_total", "Entries sent to readers"],
  bytesOut: ["counter", "bytes_out_total", "Bytes sent to readers, framing included"],
  gaps: ["counter", "gaps_total", "Times that a reader's cursor had been trimmed away before it came"],
  readers: ["gauge", "readers", "Subscriptions now"],
  readersPaused: [
    "gauge",
    "readers_paused",
    "Subscriptions that are paused: slow, awaiting an ack, or paced",
  ],
  slowPauses: ["counter", "slow_pauses_total", "Times that a reader was over its high-water mark"],
  pagesRead: ["counter", "pages_read_total", "Pages of history read from Redis"],
  pagesShared: ["counter", "pages_shared_total", "Pages of history that another reader's read served"],
  tailReads: ["counter", "tail_reads_total", "Reads of the live tail"],
  tailStreams: ["gauge", "tail_streams", "Streams that the live tail watches"],
  recentBytes: ["gauge", "recent_bytes", "Memory of the newest entries of live streams"],
  pageCacheBytes: ["gauge", "page_cache_bytes", "Memory of history pages kept for other readers"],
  polledBytes: ["gauge", "polled_bytes", "Memory of answers kept for clients that poll"],
  payloadPoolBytes: ["gauge", "payload_pool_bytes", "Memory kept for large messages to come"],
  redisReconnects: ["counter", "redis_reconnects_total", "Times that a connection to Redis was lost"],
  clientErrors: [
    "counter",
    "client_errors_total",
    "Requests and sockets refused for something the client did",
  ],
  internalErrors: ["counter", "internal_errors_total", "Requests and sockets that failed in the gateway"],
};

/** Makes the metrics page of a tally. @param sockets open WebSockets now */
export function createMetrics(tally: Tally, sockets: () => number): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const key of Object.keys(ROWS) as (keyof Tally)[]) {
    const [kind, name, help] = ROWS[key];
    const options = { name: `redis_streamer_${name}`, help, registers: [register] };
    const read = () => tally[key];
    if (kind === "gauge") addGauge(options, read);
    else addCounter(options, read);
  }
  addGauge(
    { name: "redis_streamer_websockets", help: "WebSockets open now", registers: [register] },
    sockets,
  );
  return { contentType: register.contentType, text: () => register.metrics() };
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

function addCounter(options: MetricOptions, read: () => number): void {
  new Counter({
    ...options,
    collect(this: Counter) {
      this.reset();
      this.inc(read());
    },
  });
}
