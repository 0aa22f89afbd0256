/** Names and descriptions of the metrics that have a counter. */
import type { Counters } from "./counters.ts";
import type { ClassCounters } from "./stream-classes.ts";

type Kind = "counter" | "gauge";

/** One metric per counter: a counter without a row does not compile. */
export const COUNTER_ROWS: Readonly<
  Record<keyof Counters, readonly [kind: Kind, name: string, help: string]>
> = {
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
  pagesShared: [
    "counter",
    "pages_shared_total",
    "Pages of history that a reader took from another reader's read",
  ],
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
  workDelivered: ["counter", "work_delivered_total", "Entries delivered to consumers of groups"],
  workRedelivered: [
    "counter",
    "work_redelivered_total",
    "Entries delivered again because a consumer gave them back or held them for too long",
  ],
  workDead: ["counter", "work_dead_total", "Entries moved to a dead-letter stream"],
  recordings: ["gauge", "recordings", "Recordings in progress"],
  recordedEntries: ["counter", "recorded_entries_total", "Entries that recordings received"],
  recordingsFailed: [
    "counter",
    "recordings_failed_total",
    "Recordings that ended because of an error, such as a full disk",
  ],
  recordingDelaySeconds: [
    "counter",
    "recording_delay_seconds_total",
    "Time in which streams of a recording waited before more history was read, because clients were served; the sum of all recordings",
  ],
  playbacks: ["gauge", "recording_playbacks", "Recordings that are being played"],
  playedEntries: ["counter", "played_entries_total", "Entries that playbacks of recordings stored"],
  playbacksFailed: [
    "counter",
    "recording_playbacks_failed_total",
    "Playbacks of recordings that ended because of an error",
  ],
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
export const CLASS_ROWS: Readonly<Record<keyof ClassCounters, readonly [name: string, help: string]>> = {
  entriesIn: ["entries_in_total", "Entries stored, by stream class"],
  bytesIn: ["bytes_in_total", "Payload bytes stored, by stream class"],
  entriesOut: ["entries_out_total", "Entries sent, counted per reader, by stream class"],
  bytesOut: ["bytes_out_total", "Payload bytes sent, counted per reader, by stream class"],
  conflated: [
    "entries_conflated_total",
    "Entries that readers with latest=1 skipped because a newer one had arrived, by stream class",
  ],
};
