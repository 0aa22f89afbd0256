/**
 * Query parameters of the data routes: one table that parses requests, generates the OpenAPI document and is compared
 * with `docs/protocol.md` by a test. Unknown parameters are accepted, because deployed clients send some, and reported.
 */
import { DEFAULT_DEVICE } from "../../domain/streams/stream-name.ts";
import { CLEAN_FORMAT_NAMES, EVENT_FORMAT_NAMES } from "../../wire/formats.ts";
import {
  choice,
  flag,
  integer,
  name,
  names,
  number,
  type Parameter,
  type ParameterTable,
  type ParameterValues,
  text,
} from "./parameter-types.ts";

/** Maximum `block` of a GET, in ms. */
const MOST_GET_BLOCK_MS = 3600 * 1000;
/** Maximum `block` of a pull, in ms. */
const MOST_PULL_BLOCK_MS = 24 * 3600 * 1000;
/** Maximum `dedupe_from`. A connection counts up from it, and the next 2^52 numbers are still exact integers. */
const MOST_DEDUPE_NUMBER = 2 ** 52;

/** Parameters that name streams, and a ticket in place of a token. */
const NAMES = {
  device_id: name(
    "Device of the streams. If present but empty, stream ids are whole Redis keys.",
    DEFAULT_DEVICE,
  ),
  prefix: text("", "Text before the stream id in the stream key, after the device."),
  ticket: text("", "One-time ticket from `POST /tickets`, for clients that cannot set a header."),
};
const READ = {
  ...NAMES,
  keep_device_id_in_stream_id: flag(false, "Return stream ids with their device, `device:stream`."),
};
const PATTERN = flag(
  true,
  "`*` in a stream id or in `device_id` makes a pattern; `0`: it is a literal character.",
);
const FIND = {
  pattern: PATTERN,
  exclude: names("Names and patterns of streams to exclude, joined by `+`."),
};
const CURSOR = text(
  "$",
  "Read the entries after this cursor: an entry id, milliseconds, `0` or `-` (the beginning), `$` (now). One for all streams, or one per stream, joined by `+`. With a pattern, also `name=cursor`.",
);
/** Playback of history at its original pace. */
const PLAYBACK = {
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
const LATEST = flag(false, "Deliver only the newest entries and skip older ones.");
const COUNT = integer(
  1,
  1,
  "MAX_BATCH_ENTRIES",
  "Maximum number of entries per stream in one response or payload.",
);
const DEDUPE = {
  dedupe: text(
    "",
    "Key under which entries are numbered; an entry that is resent is stored once. At most 200 characters.",
  ),
  dedupe_from: integer(
    undefined,
    0,
    MOST_DEDUPE_NUMBER,
    "Number of the first entry that is sent. Requires `dedupe`.",
  ),
};
/** Declaration of the streams that entries are stored in. */
const DECLARE = {
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
const CLEAN = "a clean format, `[[stream_id, entry_id, payload], …]`";
const MESSAGE_FORMAT = choice(
  undefined,
  CLEAN_FORMAT_NAMES,
  `Use ${CLEAN}, instead of the format that \`header\` selects.`,
);
const BODY_FORMATS = ["raw", ...CLEAN_FORMAT_NAMES] as const;
const PULL_OFFSETS = choice(
  "start",
  ["start", "end"],
  "Side of an entry that an offset of the header names.",
);
const CONTROL = flag(
  false,
  'Treat a text message that begins with `{` as a command to the gateway: `{"token": "…"}` replaces the connection\'s key or token.',
);
const STATUS = flag(
  false,
  'Report when Redis stops answering and when it answers again, as `{"status": {"redis": …}}`. On pull this requires `format`.',
);
const RESPONSE_FORMAT: Parameter<(typeof BODY_FORMATS)[number] | undefined> = {
  ...choice(undefined, BODY_FORMATS, `Format of the body: \`raw\`, the payloads end to end, or ${CLEAN}.`),
  fallbackNote: "by `Accept`",
};

const WORK_NAMES = { ...NAMES, pattern: PATTERN };
/** How the entries of a group are settled. */
const SETTLE = {
  consumer: text(
    "",
    "Name of the worker. Without one, the gateway names each connection; HTTP requests require one.",
  ),
  ack_wait: integer(
    30_000,
    100,
    MOST_PULL_BLOCK_MS,
    "Time in ms after which an unacknowledged entry is delivered again. All workers of a group use the same.",
  ),
  dead_letter: text(
    "",
    "Stream for entries that cannot be processed, of the same device and prefix. By default `{stream_id}:dead:{group}`.",
  ),
  delete: choice(
    "never",
    ["never", "acked"],
    "Whether acknowledged entries are deleted from the stream, for all readers. Requires the permission `write`.",
  ),
};
/** How the entries of a group are delivered. */
const DELIVER = {
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

/** The parameters of each data route, by name. */
export const PARAMETERS = {
  push: {
    ...NAMES,
    pattern: PATTERN,
    header: flag(true, "Each batch is a JSON header and one binary payload; `0`: each message is one entry."),
    ack: flag(false, "Answer each batch with the list of its entry ids."),
    offsets: choice(
      "auto",
      ["auto", "start", "end"],
      "Side of an entry that an offset of the header names; `auto`: the end, unless the first offset is 0.",
    ),
    format: MESSAGE_FORMAT,
    ...DEDUPE,
    ...DECLARE,
    presence: {
      type: "flag",
      fallback: undefined,
      fallbackNote: "`0`; `1` with `DEVICE_PRESENCE=auto`",
      doc: "Mark the device as connected while it has this socket.",
    } as Parameter<boolean | undefined>,
    control: CONTROL,
    status: STATUS,
  },
  pull: {
    ...READ,
    ...FIND,
    last_entry_id: CURSOR,
    ...PLAYBACK,
    latest: LATEST,
    count: COUNT,
    block: integer(
      5000,
      0,
      MOST_PULL_BLOCK_MS,
      "Time in ms without an entry after which an empty payload is sent; 0 for never.",
    ),
    max_fps: number(0, 0, 1_000_000, "Maximum number of payloads per second; 0 sets no limit."),
    ack: flag(false, "Wait for a message from the client before each further payload."),
    header: flag(
      true,
      "Each payload is a JSON header and one binary message; `0`: one binary message per entry.",
    ),
    offsets: PULL_OFFSETS,
    format: MESSAGE_FORMAT,
    gaps: flag(
      false,
      'Report gaps, where entries may be missing, as `{"gap": {"stream_id", "after", "before"}}`, before the entries that follow. Requires `format`.',
    ),
    joins: flag(
      false,
      'Report the streams of a pattern: `{"streams": [[stream_id, cursor], …]}`, then `{"joined": {"stream_id"}}`, `{"left": {"stream_id"}}` and `{"limit": {"stream_id", "max_streams"}}`. Requires `format`.',
    ),
    control: {
      ...CONTROL,
      doc: `${CONTROL.doc.slice(0, -1)}; \`{"pause": true}\` and others control a playback.`,
    },
    status: STATUS,
  },
  get: {
    ...READ,
    ...FIND,
    last_entry_id: CURSOR,
    latest: LATEST,
    count: COUNT,
    block: integer(500, 0, MOST_GET_BLOCK_MS, "Maximum time in ms to wait for an entry; 0 does not wait."),
    offsets: PULL_OFFSETS,
    format: RESPONSE_FORMAT,
  },
  post: {
    ...NAMES,
    ...DEDUPE,
    ...DECLARE,
    format: {
      ...RESPONSE_FORMAT,
      fallbackNote: "by `Content-Type`",
      doc: `Format of the body: \`raw\`, one entry, or ${CLEAN}.`,
    },
  },
  entries: {
    ...READ,
    ...FIND,
    start: text(
      "-",
      "First id or time: an entry id, milliseconds, an ISO 8601 time, `-` or `+`. A leading `(` excludes it.",
    ),
    end: text("+", "Last id or time, in the syntax of `start`."),
    count: integer(100, 1, "MAX_BATCH_ENTRIES", "Maximum number of entries in a page."),
    reverse: flag(false, "Return the newest entries first."),
    offsets: PULL_OFFSETS,
    format: RESPONSE_FORMAT,
  },
  entry: {
    ...NAMES,
    pattern: PATTERN,
    at: text(
      "",
      "With `last`: the last entry at or before this time, an entry id, milliseconds or an ISO 8601 time.",
    ),
  },
  density: {
    ...READ,
    ...FIND,
    start: text(
      "-",
      "First id or time: an entry id, milliseconds, an ISO 8601 time or `-`, the first entry of all streams.",
    ),
    end: text("+", "Last id or time, in the syntax of `start`, or `+`, the last entry of all streams."),
    buckets: integer(200, 1, 2000, "Number of equal parts of the time range."),
  },
  events: {
    ...READ,
    ...FIND,
    last_entry_id: CURSOR,
    ...PLAYBACK,
    latest: LATEST,
    lastEventId: text("", "Id of the last event received, for clients that cannot send `Last-Event-ID`."),
    format: choice(
      "text",
      EVENT_FORMAT_NAMES,
      "Data of an event: the payload as UTF-8, `[stream_id, entry_id, payload]` as one line of JSON, or the payload in base64.",
    ),
    joins: flag(
      true,
      "Report the streams of a pattern that appear and vanish, by events `joined` and `left`.",
    ),
    status: STATUS,
  },
  mjpeg: {
    ...READ,
    pattern: PATTERN,
    last_entry_id: { ...CURSOR, fallback: "0", doc: "Show only pictures after this cursor." },
    ...PLAYBACK,
    max_fps: number(0, 0, 1000, "Maximum number of pictures per second; 0 sets no limit."),
  },
  work: {
    ...WORK_NAMES,
    ...SETTLE,
    ...DELIVER,
    permits: integer(
      16,
      0,
      1000,
      'Maximum number of entries that the worker holds unacknowledged; `0`: it grants them by `{"permits": n}`.',
    ),
    confirm: flag(false, 'Answer each message of the worker with `{"done": …}`.'),
    format: choice("msgpack", CLEAN_FORMAT_NAMES, "Format of the messages to the worker."),
  },
  next: {
    ...WORK_NAMES,
    ...SETTLE,
    ...DELIVER,
    count: integer(10, 1, "MAX_BATCH_ENTRIES", "Maximum number of entries."),
    wait: integer(5000, 0, MOST_GET_BLOCK_MS, "Maximum time in ms to wait for an entry; 0 does not wait."),
    format: {
      ...choice(undefined, CLEAN_FORMAT_NAMES, "Format of the body."),
      fallbackNote: "by `Accept`, else `json`",
    },
  },
  settle: { ...WORK_NAMES, ...SETTLE },
  groups: {
    ...WORK_NAMES,
    count: integer(100, 1, "MAX_BATCH_ENTRIES", "Maximum number of pending entries."),
  },
} as const satisfies Readonly<Record<string, ParameterTable>>;

/** A data route. */
export type ParameterRoute = keyof typeof PARAMETERS;

/** Values of a route's parameters, by name. */
export type ParametersOf<R extends ParameterRoute> = ParameterValues<(typeof PARAMETERS)[R]>;

/** Returns the parameters of a route, by name. */
export const rowsOf = (route: ParameterRoute): ParameterTable => PARAMETERS[route];
