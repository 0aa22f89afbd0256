/**
 * Query parameters of the data routes: one table that parses requests, generates the OpenAPI document and is compared
 * with `docs/protocol.md` by a test. Unknown parameters are accepted, because deployed clients send some, and reported.
 */
import { CLEAN_FORMAT_NAMES, EVENT_FORMAT_NAMES } from "../../../wire/formats.ts";
import {
  CLEAN,
  CONTROL,
  COUNT,
  CURSOR,
  DECLARE,
  DEDUPE,
  DELIVER,
  FIND,
  HISTORY_FORMAT,
  LATEST,
  MAX_GET_BLOCK_MS,
  MAX_PULL_BLOCK_MS,
  MESSAGE_FORMAT,
  NAMES,
  PATTERN,
  PLAYBACK,
  PULL_OFFSETS,
  READ,
  RESPONSE_FORMAT,
  SETTLE,
  STATUS,
  WORK_NAMES,
} from "./parameter-groups.ts";
import {
  choice,
  flag,
  integer,
  number,
  type Parameter,
  type ParameterTable,
  type ParameterValues,
  text,
} from "./parameter-types.ts";

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
      MAX_PULL_BLOCK_MS,
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
    block: integer(500, 0, MAX_GET_BLOCK_MS, "Maximum time in ms to wait for an entry; 0 does not wait."),
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
    count: integer(
      100,
      1,
      "MAX_BATCH_ENTRIES",
      "Maximum number of entries in a page. A file has all of the range.",
    ),
    reverse: flag(false, "Return the newest entries first."),
    offsets: PULL_OFFSETS,
    format: HISTORY_FORMAT,
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
    wait: integer(5000, 0, MAX_GET_BLOCK_MS, "Maximum time in ms to wait for an entry; 0 does not wait."),
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
  foxglove: {
    key: text(
      "",
      "Link key, for viewers that cannot set a header: made by `redis-streamer keys add NAME --link --allow 'read:…'`.",
    ),
    ticket: NAMES.ticket,
    start: text(
      "",
      "Play history back from this time: an entry id, milliseconds, an ISO 8601 time or `-`, the first entry.",
    ),
    end: text("", "Last id or time of a playback, in the syntax of `start`, or `+`, the last entry."),
  },
} as const satisfies Readonly<Record<string, ParameterTable>>;

/** Name of a route that has a table of parameters. */
export type ParameterRoute = keyof typeof PARAMETERS;

/** Values of a route's parameters, by name. */
export type ParametersOf<R extends ParameterRoute> = ParameterValues<(typeof PARAMETERS)[R]>;

/** Returns the parameters of a route, by name. */
export const rowsOf = (route: ParameterRoute): ParameterTable => PARAMETERS[route];
