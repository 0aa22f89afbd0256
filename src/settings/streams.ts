/** Settings of streams and devices: names, retention, presence. */
import { bytes, choice, duration, flag, seconds, text, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Settings of streams and devices: names, retention, presence. */
export const STREAMS = {
  noDevicePrefix: row(
    "DISABLE_MULTI_DEVICE_PREFIXING",
    flag,
    "0",
    "",
    "1: stream keys have no device prefix, and device_id is ignored",
  ),
  streamMaxLength: row(
    "REDIS_STREAM_MAXLEN",
    whole(0, Number.MAX_SAFE_INTEGER),
    "1000",
    "entries",
    "Approximate number of entries that a stream keeps, applied at each append; 0 keeps all",
  ),
  streamMaxAgeMs: row(
    "STREAM_MAX_AGE",
    duration,
    "0",
    "",
    "Approximate age up to which a stream keeps entries, such as 90s, 24h or 7d, applied at each append; 0 sets no limit",
  ),
  streamMaxBytes: row(
    "STREAM_MAX_BYTES",
    bytes(0),
    "0",
    "bytes",
    "Approximate number of payload bytes that a stream keeps, applied at each append; 0 sets no limit",
  ),
  devicePresence: row(
    "DEVICE_PRESENCE",
    choice("requested", "auto"),
    "requested",
    "",
    "Which devices count as connected while they push over a WebSocket: those with presence=1 (requested), or all (auto)",
  ),
  deviceTimeoutMs: row(
    "DEVICE_TIMEOUT",
    seconds(0.1, 86_400),
    "30",
    "s",
    "Time without any frame from a device, pongs included, after which it counts as disconnected",
  ),
  recordingsDir: row(
    "RECORDINGS_DIR",
    text,
    "",
    "",
    "Directory of recordings, for one gateway at a time; empty: the directory recordings beside DATA_DIR",
  ),
  maxMetaBytes: row(
    "MAX_META_BYTES",
    bytes(1024),
    "256k",
    "bytes",
    "Maximum size of the metadata of a stream or a device, as JSON with its schema; larger metadata is rejected, and is not read if another program stored it",
  ),
  maxRecordings: row(
    "MAX_RECORDINGS",
    whole(0, 1000),
    "16",
    "",
    "Maximum number of recordings in progress, of which one identity may have half with AUTH=1; 0 disables recording",
  ),
  maxPlaybacks: row(
    "MAX_PLAYBACKS",
    whole(0, 1000),
    "4",
    "",
    "Maximum number of recordings that are played at a time; 0 disables playing",
  ),
  demo: row("DEMO", flag, "1", "", "0: clients cannot play the demo device (POST /demo)"),
  enableFlush: row(
    "ENABLE_FLUSH",
    flag,
    "0",
    "",
    "1: enables the GraphQL mutation flush, which deletes everything",
  ),
} as const;
