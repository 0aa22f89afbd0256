/** Limits of clients: connections, rates, and times. */
import { bytes, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Limits of clients: connections, rates, and times. */
export const CLIENTS = {
  maxSockets: row(
    "MAX_SOCKETS",
    whole(0, 1_000_000),
    "50000",
    "sockets",
    "Maximum number of connections; further ones are closed at once. 0 sets no limit",
  ),
  maxSocketsPerAddress: row(
    "MAX_SOCKETS_PER_ADDRESS",
    whole(0, 1_000_000),
    "20000",
    "sockets",
    "Maximum number of long-lived connections (WebSockets, server-sent events, MJPEG) per client address; 0 sets no limit",
  ),
  maxSocketsPerIdentity: row(
    "MAX_SOCKETS_PER_IDENTITY",
    whole(0, 1_000_000),
    "20000",
    "sockets",
    "Maximum number of long-lived connections per API key or token subject; 0 sets no limit",
  ),
  maxMessagesPerSecond: row(
    "MAX_MESSAGES_PER_SECOND",
    whole(0, 1e9),
    "0",
    "messages",
    "Rate limit in messages and requests per second, per identity or else per address; 0 sets no limit",
  ),
  maxBytesPerSecond: row(
    "MAX_BYTES_PER_SECOND",
    bytes(0),
    "0",
    "bytes",
    "Rate limit in received bytes per second, per identity or else per address; 0 sets no limit",
  ),
  maxStreamsPerIdentity: row(
    "MAX_STREAMS_PER_IDENTITY",
    whole(0, 1e9),
    "100000",
    "streams",
    "Maximum number of streams that one identity, or else address, writes to while the gateway runs; 0 sets no limit",
  ),
  handshakeTimeoutMs: row(
    "HANDSHAKE_TIMEOUT_MS",
    whole(100, 600_000),
    "10000",
    "ms",
    "Maximum time for a TLS handshake and for the head of a request",
  ),
  uploadTimeoutMs: row(
    "UPLOAD_TIMEOUT_MS",
    whole(100, 86_400_000),
    "300000",
    "ms",
    "Maximum time for a whole request, and for one WebSocket message",
  ),
  idleTimeoutMs: row(
    "IDLE_TIMEOUT_MS",
    whole(100, 86_400_000),
    "65000",
    "ms",
    "Time that an idle connection is kept open for the next HTTP request",
  ),
  writeTimeoutMs: row(
    "WRITE_TIMEOUT_MS",
    whole(100, 86_400_000),
    "60000",
    "ms",
    "Time after which a connection is closed if its client has read less than 16 KB of the bytes that wait for it",
  ),
  pingIntervalMs: row(
    "PING_INTERVAL_MS",
    whole(100, 86_400_000),
    "30000",
    "ms",
    "Interval of WebSocket pings",
  ),
  pingTimeoutMs: row(
    "PING_TIMEOUT_MS",
    whole(100, 86_400_000),
    "300000",
    "ms",
    "Time without any frame from a WebSocket client, pongs included, after which it is closed",
  ),
  heartbeatMs: row(
    "HEARTBEAT_MS",
    whole(100, 86_400_000),
    "15000",
    "ms",
    "Interval of keep-alives: a comment on server-sent events, the last picture again on MJPEG",
  ),
} as const;
