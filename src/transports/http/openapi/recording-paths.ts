/** Routes of recordings in the OpenAPI document. */
import { FILE_FORMAT } from "../../../wire/formats.ts";
import { MAX_RATE, MIN_RATE } from "../../request/playback.ts";
import type { Operation, Paths } from "./paths.ts";
import { FAULTS, problem, SMALL_BODY, text } from "./responses.ts";
import {
  BINARY,
  body,
  contentOf,
  INTEGER,
  listOf,
  NUMBER,
  OBJECT,
  object,
  pathParameter,
  type Schema,
  STRING,
  TIME,
} from "./schemas.ts";

const NAME = pathParameter("name", "Name of the recording.");

const TEXTS = listOf(STRING);
const CONTENT = { bytes: INTEGER, entries: INTEGER, gaps: INTEGER, from: TIME, to: TIME };

const PLAYBACK: Schema = {
  ...object({
    state: { ...STRING, enum: ["playing", "paused", "finished", "stopped", "failed", "interrupted"] },
    error: { ...STRING, nullable: true },
    ...{ started: TIME, ended: TIME, from: TIME, to: TIME, position: TIME },
    ...{ rate: NUMBER, loop: { type: "boolean" } as const },
    streams: {
      ...OBJECT,
      additionalProperties: STRING,
      description: "Keys of the streams that the entries are stored in, by recorded key.",
    },
    ...{ stored: INTEGER, bytes: INTEGER, notStored: INTEGER, passes: INTEGER },
    dedupe: { ...STRING, nullable: true },
    owner: STRING,
  }),
  nullable: true,
  description: "The present playback, or the last one.",
};

const STATUS = object({
  name: STRING,
  state: { ...STRING, enum: ["recording", "stopped", "failed"] },
  reason: { ...STRING, nullable: true, enum: ["request", "maxBytes", "maxSeconds", null] },
  error: { ...STRING, nullable: true },
  slowed: { type: "boolean" },
  ...{ started: TIME, ended: TIME },
  ...CONTENT,
  streams: { ...TEXTS, description: "In the list, the first 16 KiB of names." },
  streamsTotal: INTEGER,
  newestGaps: listOf(object({ stream: STRING, after: STRING, before: STRING })),
  files: listOf(
    object({
      file: STRING,
      state: { ...STRING, enum: ["recording", "finished", "interrupted", "damaged"] },
      ...CONTENT,
    }),
  ),
  request: OBJECT,
  owner: STRING,
  playback: PLAYBACK,
});

const UNKNOWN = { "404": problem("There is no such recording, or the client may not read its streams.") };

const CREATE: Operation = {
  tags: ["recordings"],
  summary: "Record streams into a file",
  requestBody: {
    content: contentOf(
      object(
        {
          name: { ...STRING, description: "By default the device and the time." },
          streams: { ...TEXTS, description: "Stream ids and patterns." },
          exclude: TEXTS,
          device: STRING,
          prefix: STRING,
          from: { ...STRING, default: "$", description: "Cursor, as in `last_entry_id`." },
          maxBytes: INTEGER,
          maxSeconds: INTEGER,
          compression: { ...STRING, enum: ["zstd", "none"], default: "zstd" },
          notes: {
            ...OBJECT,
            additionalProperties: STRING,
            description: "Texts about the recording, which its files have as a metadata record.",
          },
        },
        ["streams"],
      ),
    ),
  },
  responses: {
    ...FAULTS,
    ...SMALL_BODY,
    "201": body("The recording.", STATUS),
    "409": problem("There is a recording of this name."),
    "429": problem("A rate limit is exceeded, or too many recordings are in progress."),
  },
};

const LIST: Operation = {
  tags: ["recordings"],
  summary: "List recordings",
  responses: { ...FAULTS, "200": body("The recordings that the client may read.", listOf(STATUS)) },
};

const SHOW: Operation = {
  tags: ["recordings"],
  summary: "Show a recording, or download a file of it",
  parameters: [
    { ...NAME, description: "Name of the recording, or of one of its files, such as `run-1.mcap`." },
  ],
  responses: {
    ...FAULTS,
    ...UNKNOWN,
    "200": {
      description: "The recording, or the file.",
      content: { ...contentOf(STATUS), ...contentOf(BINARY, FILE_FORMAT.mediaType) },
    },
    "206": text("The range of bytes that `Range` selects."),
    "304": text("The client has the file: `If-None-Match` names its tag."),
    "416": problem("`Range` begins after the end of the file."),
  },
};

const STOP: Operation = {
  tags: ["recordings"],
  summary: "Stop a recording",
  parameters: [NAME],
  responses: { ...FAULTS, ...UNKNOWN, "200": body("The recording, whose file is complete.", STATUS) },
};

const DELETE: Operation = {
  tags: ["recordings"],
  summary: "Delete a recording with its files",
  parameters: [NAME],
  responses: { ...FAULTS, ...UNKNOWN, "204": text("It is deleted.") },
};

const PLAY: Operation = {
  tags: ["recordings"],
  summary: "Store the entries of a recording again, at their pace",
  parameters: [NAME],
  requestBody: {
    content: contentOf(
      object({
        rate: {
          ...NUMBER,
          default: 1,
          description: `Speed: ${MIN_RATE} to ${MAX_RATE}, or 0 for as fast as possible.`,
        },
        device: {
          ...STRING,
          description: "Device to store the streams under. By default `{name}-replay`.",
        },
        streams: { ...TEXTS, description: "Names and patterns; with a colon, `device:stream`." },
        exclude: TEXTS,
        from: { ...STRING, description: "Entry id, milliseconds or ISO 8601 time." },
        to: { ...STRING, description: "As `from`, included." },
        loop: { type: "boolean", default: false },
        dedupe: { ...STRING, description: "Key under which each entry is stored once." },
      }),
    ),
  },
  responses: {
    ...FAULTS,
    ...SMALL_BODY,
    ...UNKNOWN,
    "201": body("The recording, with its playback.", STATUS),
    "409": problem(
      "The recording is in progress or is being played, has no entries, or has a file that is damaged.",
    ),
    "429": problem("A rate limit is exceeded, or too many recordings are being played."),
  },
};

const changed = (summary: string, answer: string): Operation => ({
  tags: ["recordings"],
  summary,
  parameters: [NAME],
  responses: { ...FAULTS, ...UNKNOWN, "200": body(answer, STATUS) },
});

const PLAYED = "The recording, with its playback.";

/** The routes of recordings. */
export const RECORDING_PATHS: Paths = {
  "/recordings": { get: LIST, post: CREATE },
  "/recordings/{name}": { get: SHOW, delete: DELETE },
  "/recordings/{name}/stop": { post: STOP },
  "/recordings/{name}/play": { post: PLAY },
  "/recordings/{name}/play/pause": { post: changed("Pause the playback of a recording", PLAYED) },
  "/recordings/{name}/play/continue": { post: changed("Continue a playback that is paused", PLAYED) },
  "/recordings/{name}/play/stop": {
    post: changed("Stop the playback of a recording", "The recording; its playback is over."),
  },
};
