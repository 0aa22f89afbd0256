/** Limits of memory: buffers of clients, and caches. */
import { bytes, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Limits of memory: buffers of clients, and caches. */
export const MEMORY = {
  sendHighWaterBytes: row(
    "SEND_HIGH_WATER_BYTES",
    bytes(1024),
    "256k",
    "bytes",
    "Unsent bytes at which a reader is paused; it catches up from Redis once they are sent",
  ),
  pushInFlightBytes: row(
    "PUSH_IN_FLIGHT_BYTES",
    bytes(1024),
    "8m",
    "bytes",
    "Bytes of one push connection that may wait for Redis before the gateway stops reading its socket",
  ),
  totalInFlightBytes: row(
    "TOTAL_IN_FLIGHT_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Bytes of all push connections that may wait for Redis before the gateway stops reading their sockets",
  ),
  totalReceiveBytes: row(
    "TOTAL_RECEIVE_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Memory for request bodies, WebSocket messages and entries that wait for Redis; above it clients wait, then receive 503 or close code 1013",
  ),
  totalAnswerBytes: row(
    "TOTAL_ANSWER_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Memory for responses that are being built or not yet read by their clients; above it requests wait, then receive 503",
  ),
  clientMemoryPercent: row(
    "CLIENT_MEMORY_PERCENT",
    whole(1, 100),
    "50",
    "",
    "Share of TOTAL_RECEIVE_BYTES and of TOTAL_ANSWER_BYTES that one client may use, in percent; a single item may exceed it",
  ),
  memoryWaitMs: row(
    "MEMORY_WAIT_MS",
    whole(0, 3_600_000),
    "30000",
    "ms",
    "Maximum wait of a request or message for memory before it is rejected with 503 or close code 1013",
  ),
  pageBytes: row("PAGE_BYTES", bytes(1024), "256k", "bytes", "Target size of a page when history is read"),
  pageCacheBytes: row(
    "PAGE_CACHE_BYTES",
    bytes(0),
    "16m",
    "bytes",
    "Size of the page cache, for readers that catch up through the same history",
  ),
  recentBytes: row(
    "RECENT_BYTES",
    bytes(0),
    "16m",
    "bytes",
    "Size of the cache of the newest entries of live streams, for readers that lag slightly",
  ),
  pollCacheBytes: row(
    "POLL_CACHE_BYTES",
    bytes(0),
    "8m",
    "bytes",
    "Size of the cache of responses to polling clients, each valid until its stream changes",
  ),
} as const;
