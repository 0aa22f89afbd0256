/** Groups of query parameters that several data routes share. */
import { DEFAULT_DEVICE } from "../../../domain/streams/stream-name.ts";
import { CLEAN_FORMAT_NAMES, FILE_FORMAT } from "../../../wire/formats.ts";
import { choice, flag, integer, name, names, number, type Parameter, text } from "./parameter-types.ts";

/** Maximum `block` of a GET, in ms. */
export const MAX_GET_BLOCK_MS = 3600 * 1000;
/** Maximum `block` of a pull, in ms. */
export const MAX_PULL_BLOCK_MS = 24 * 3600 * 1000;
/** Maximum `dedupe_from`. A connection counts up from it, and the next 2^52 numbers are still exact integers. */
const MAX_DEDUPE_NUMBER = 2 ** 52;

/** Parameters that name streams, and a ticket in place of a token. */
export const NAMES = {
  device_id: name(
    "Device of the streams. If present but empty, stream ids are whole Redis keys.",
    DEFAULT_DEVICE,
  ),
  prefix: text("", "Text before the stream id in the stream key, after the device."),
  ticket: text("", "One-time ticket from `POST /tickets`, for clients that cannot set a header."),
};
/** Parameters of the routes that read streams by name. */
export const READ = {
  ...NAMES,
  keep_device_id_in_stream_id: flag(false, "Return stream ids with their device, `device:stream`."),
};
/** Whether `*` is a wildcard. */
export const PATTERN = flag(
  true,
  "`*` in a stream id or in `device_id` makes a pattern; `0`: it is a literal character.",
);
/** Parameters of the routes that read streams by pattern. */
export const FIND = {
  pattern: PATTERN,
  exclude: names("Names and patterns of streams to exclude, joined by `+`."),
};
/** Start of reading. */
export const CURSOR = text(
  "$",
  "Read the entries after this cursor: an entry id, milliseconds, `0` or `-` (the beginning), `$` (now). One for all streams, or one per stream, joined by `+`. With a pattern, also `name=cursor`.",
);
/** Playback of history at its original pace. */
export const PLAYBACK = {
  start: text(
    "-",
    "First id or time of a playback: an entry id, milliseconds, an ISO 8601 time or `-`. Requires `rate`.",
  ),
  end: text("+", "Last id or time of a playback, in the syntax of `start`, or `+`. Requires `rate`."),
  rate: {
    ...number<number | undefined>(
      undefined,
      0,
      100,
      "Play history at its original pace times this rate, 0.1 to 100; `0` plays as fast as the client reads.",
    ),
    fallbackNote: "no playback",
  },
  loop: flag(false, "Start the playback again at its end. Requires `rate`."),
};
/** Whether older entries are skipped. */
export const LATEST = flag(false, "Deliver only the newest entries and skip older ones.");
/** Maximum number of entries per stream. */
export const COUNT = integer(
  1,
  1,
  "MAX_BATCH_ENTRIES",
  "Maximum number of entries per stream in one response or payload.",
);
/** Numbers of entries, by which those that are resent are recognized. */
export const DEDUPE = {
  dedupe: text(
    "",
    "Key under which entries are numbered; an entry that is resent is stored once. At most 200 characters.",
  ),
  dedupe_from: integer(
    undefined,
    0,
    MAX_DEDUPE_NUMBER,
    "Number of the first entry that is sent. Requires `dedupe`.",
  ),
};
/** Declaration of the streams that entries are stored in. */
export const DECLARE = {
  content_type: text(
    "",
    "Media type of the payloads, for the metadata of each stream that an entry is stored in.",
  ),
  schema: text(
    "",
    'Schema of the payloads, for the same metadata: a name, or `{"name", "encoding", "data"}` in JSON.',
  ),
  declare: choice(
    "absent",
    ["absent", "replace"],
    "Whether `content_type` and `schema` are stored only where the metadata has none, or replace others.",
  ),
};
/** Explains clean formats in the description of a parameter. */
export const CLEAN = "a clean format, `[[stream_id, entry_id, payload], …]`";
/** Format of WebSocket messages. */
export const MESSAGE_FORMAT = choice(
  undefined,
  CLEAN_FORMAT_NAMES,
  `Use ${CLEAN}, instead of the format that \`header\` selects.`,
);
const BODY_FORMATS = ["raw", ...CLEAN_FORMAT_NAMES] as const;
/** Meaning of the offsets that the gateway sends. */
export const PULL_OFFSETS = choice(
  "start",
  ["start", "end"],
  "Side of an entry that an offset of the header names.",
);
/** Whether text messages are commands. */
export const CONTROL = flag(
  false,
  'Treat a text message that begins with `{` as a command to the gateway: `{"token": "…"}` replaces the connection\'s key or token.',
);
/** Whether outages of Redis are reported. */
export const STATUS = flag(
  false,
  'Report when Redis stops answering and when it answers again, as `{"status": {"redis": …}}`. On pull this requires `format`.',
);
/** Format of HTTP bodies. */
export const RESPONSE_FORMAT: Parameter<(typeof BODY_FORMATS)[number] | undefined> = {
  ...choice(undefined, BODY_FORMATS, `Format of the body: \`raw\`, the payloads end to end, or ${CLEAN}.`),
  fallbackNote: "by `Accept`",
};
/** Format of the history: that of bodies, or a file. */
export const HISTORY_FORMAT: Parameter<(typeof BODY_FORMATS)[number] | typeof FILE_FORMAT.name | undefined> =
  {
    ...RESPONSE_FORMAT,
    ...choice(
      undefined,
      [...BODY_FORMATS, FILE_FORMAT.name],
      `${RESPONSE_FORMAT.doc.slice(0, -1)}; \`mcap\`: the whole range as a file.`,
    ),
    fallbackNote: "by `Accept`",
  };

/** Parameters that name the stream of a consumer group. */
export const WORK_NAMES = { ...NAMES, pattern: PATTERN };
/** Parameters of settling the entries of a group. */
export const SETTLE = {
  consumer: text(
    "",
    "Name of the worker. Without one, the gateway names each connection; HTTP requests require one.",
  ),
  ack_wait: integer(
    30_000,
    100,
    MAX_PULL_BLOCK_MS,
    "Time in ms after which an unacknowledged entry is delivered again. All workers of a group use the same.",
  ),
  dead_letter: text(
    "",
    "Stream for entries that cannot be processed, of the same device and prefix, and none of the request. By default `{stream_id}:dead:{group}`.",
  ),
  delete: choice(
    "never",
    ["never", "acked"],
    "Whether acknowledged entries are deleted from the stream, for all readers. Requires the permission `write`.",
  ),
};
/** Parameters of delivering the entries of a group. */
export const DELIVER = {
  from: text(
    "$",
    "Where the group begins, if it does not exist: after an entry id, `0` (the beginning), `$` (now).",
  ),
  max_deliver: integer(
    5,
    1,
    1_000_000,
    "Deliveries after which an unacknowledged entry is moved to the dead-letter stream.",
  ),
};
