/** HTTP routes that read and store entries, in the OpenAPI document. */
import { FILE_FORMAT } from "../../../wire/formats.ts";
import { parametersOf } from "./parameters.ts";
import type { Operation, Paths } from "./paths.ts";
import { BODIES, ENTRIES, FAULTS, problem, text } from "./responses.ts";
import {
  BINARY,
  body,
  contentOf,
  INTEGER,
  listOf,
  NUMBER,
  object,
  pathParameter,
  STRING,
} from "./schemas.ts";

const GET: Operation = {
  tags: ["http"],
  summary: "Read the next entries",
  parameters: parametersOf("get"),
  responses: { "200": ENTRIES, ...FAULTS },
};

const POST: Operation = {
  tags: ["http"],
  summary: "Store entries",
  description: [
    "`multipart/form-data`: each part named `entries` is one entry; with stream id `*` a part's filename is its stream.",
    "`application/msgpack` and `application/json`: the clean format. With a JSON object, a MessagePack map, `format=raw` or any",
    "other content type, the body is one entry.",
  ].join("\n"),
  parameters: parametersOf("post"),
  requestBody: {
    content: {
      ...contentOf(object({ entries: listOf(BINARY) }), "multipart/form-data"),
      ...BODIES,
    },
  },
  responses: {
    "200": body("The entry ids, in order.", listOf(STRING)),
    ...FAULTS,
    "409": problem("The entry id is not greater than the last id of the stream."),
    "413": problem("The body or batch is too large."),
    "415": problem("The body has a `Content-Encoding`."),
  },
};

const HISTORY: Operation = {
  tags: ["http"],
  summary: "Page through history",
  parameters: parametersOf("entries"),
  responses: {
    "200": {
      ...ENTRIES,
      description:
        "A page, whose `Link` header contains the URL of the next one; with `format=mcap`, a file.",
      content: { ...BODIES, ...contentOf(BINARY, FILE_FORMAT.mediaType) },
    },
    ...FAULTS,
  },
};

const ENTRY_ID = pathParameter("entry_id", "Entry id, `first` or `last`.");

const ENTRY: Operation = {
  tags: ["http"],
  summary: "Read one payload as it is",
  description: [
    "The content type is that of the entry's field `content-type`, that of the stream's metadata, or detected by the bytes. Types other than",
    "images, audio, video, plain text, CSV, Markdown and JSON have `Content-Disposition: attachment`. Types that a browser could execute (HTML, SVG,",
    "XML, JavaScript, style sheets) are sent as `application/octet-stream`.",
  ].join("\n"),
  parameters: parametersOf("entry", ENTRY_ID),
  responses: {
    "200": {
      ...body("The payload.", BINARY, "*/*"),
      headers: {
        "x-entry-id": { description: "Id of the entry.", schema: STRING },
        etag: { description: "Changes with the entry.", schema: STRING },
      },
    },
    "206": text("The range of bytes that `Range` selects."),
    "304": text("The client has the entry: `If-None-Match` names its tag."),
    ...FAULTS,
    "404": problem("The stream has no such entry."),
    "416": problem("`Range` begins after the end of the payload."),
  },
};

const DENSITY: Operation = {
  tags: ["http"],
  summary: "Count entries and bytes over time",
  description:
    "For time bars. The work is bounded: a stream with many entries is sampled, and its values are then estimates.",
  parameters: parametersOf("density"),
  responses: {
    "200": body(
      "Entries and bytes of each stream in each bucket, from `start` to `end` (exclusive) in ms.",
      object({
        ...{ start: NUMBER, end: NUMBER, buckets: INTEGER },
        streams: listOf(
          object({
            stream_id: STRING,
            ...{ entries: listOf(NUMBER), bytes: listOf(NUMBER) },
            sampled: { type: "boolean" },
            gaps: listOf(object({ after: STRING, before: STRING })),
          }),
        ),
      }),
    ),
    ...FAULTS,
  },
};

const EVENTS: Operation = {
  tags: ["http"],
  summary: "Follow streams as server-sent events",
  description: [
    "An event id is the cursor after the event. `Last-Event-ID` resumes there, or the parameter `lastEventId`, which polyfills send; the header takes",
    "precedence over it, and both over `last_entry_id`. With several streams, the event name is the stream name; `stream:` precedes a name that begins",
    "with `stream:`, and the reserved names `open`, `error`, `gap`, `joined`, `left` and `state`.",
  ].join("\n"),
  parameters: parametersOf("events"),
  responses: {
    "200": body("Events.", STRING, "text/event-stream"),
    ...FAULTS,
  },
};

const MJPEG: Operation = {
  tags: ["http"],
  summary: "Show a stream of pictures",
  description: [
    'For `<img src="…/mjpeg">`: the newest picture each time the browser is ready for one. Entries that are not images are skipped; the last picture is',
    "repeated every `HEARTBEAT_MS`. Parts have a `Content-Length` unless `Accept` is that of a browser that loads an image.",
  ].join("\n"),
  parameters: parametersOf("mjpeg"),
  responses: {
    "200": body("Pictures.", BINARY, "multipart/x-mixed-replace"),
    ...FAULTS,
  },
};

/** The routes of entries. */
export const DATA_PATHS: Paths = {
  "/data/{stream_id}": { get: GET, post: POST },
  "/data/{stream_id}/entries": { get: HISTORY },
  "/data/{stream_id}/entries/{entry_id}": { get: ENTRY },
  "/data/{stream_id}/density": { get: DENSITY },
  "/data/{stream_id}/events": { get: EVENTS },
  "/data/{stream_id}/mjpeg": { get: MJPEG },
};
