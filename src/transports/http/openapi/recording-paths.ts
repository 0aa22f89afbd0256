/** Routes of recordings in the OpenAPI document. */
import type { OpenAPIV3 } from "openapi-types";
import { FILE_FORMAT } from "../../../wire/formats.ts";
import { LEAST_RATE, MOST_RATE } from "../../request/playback.ts";
import type { Operation, Paths } from "./paths.ts";
import { FAULTS, problem, SMALL_BODY, text } from "./responses.ts";

const NAME: OpenAPIV3.ParameterObject = {
  name: "name",
  in: "path",
  required: true,
  schema: { type: "string" },
  description: "Name of the recording.",
};

const TEXTS: OpenAPIV3.SchemaObject = { type: "array", items: { type: "string" } };
const NUMBER: OpenAPIV3.SchemaObject = { type: "integer" };
const STRING: OpenAPIV3.SchemaObject = { type: "string" };
const TIME: OpenAPIV3.SchemaObject = { type: "string", format: "date-time", nullable: true };

const PLAYBACK: OpenAPIV3.SchemaObject = {
  type: "object",
  nullable: true,
  description: "The present playback, or the last one.",
  properties: {
    state: {
      type: "string",
      enum: ["playing", "paused", "finished", "stopped", "failed", "interrupted"],
    },
    error: { type: "string", nullable: true },
    ...{ started: TIME, ended: TIME, from: TIME, to: TIME, position: TIME },
    ...{ rate: { type: "number" }, loop: { type: "boolean" } },
    streams: {
      type: "object",
      additionalProperties: STRING,
      description: "Keys of the streams that the entries are stored in, by recorded key.",
    },
    ...{ stored: NUMBER, bytes: NUMBER, notStored: NUMBER, passes: NUMBER },
    dedupe: { type: "string", nullable: true },
    owner: STRING,
  },
};

const STATUS: OpenAPIV3.SchemaObject = {
  type: "object",
  properties: {
    name: STRING,
    state: { type: "string", enum: ["recording", "stopped", "failed"] },
    reason: { type: "string", nullable: true, enum: ["request", "maxBytes", "maxSeconds", null] },
    error: { type: "string", nullable: true },
    ...{ started: TIME, ended: TIME, from: TIME, to: TIME },
    ...{ bytes: NUMBER, entries: NUMBER, gaps: NUMBER },
    streams: TEXTS,
    newestGaps: {
      type: "array",
      items: { type: "object", properties: { stream: STRING, after: STRING, before: STRING } },
    },
    files: {
      type: "array",
      items: {
        type: "object",
        properties: {
          file: STRING,
          state: { type: "string", enum: ["recording", "finished", "interrupted", "damaged"] },
          ...{ bytes: NUMBER, entries: NUMBER, gaps: NUMBER, from: TIME, to: TIME },
        },
      },
    },
    request: { type: "object" },
    owner: STRING,
    playback: PLAYBACK,
  },
};

const status = (description: string): OpenAPIV3.ResponseObject => ({
  description,
  content: { "application/json": { schema: STATUS } },
});

const UNKNOWN = { "404": problem("There is no such recording, or the client may not read its streams.") };

const CREATE: Operation = {
  tags: ["recordings"],
  summary: "Record streams into a file",
  requestBody: {
    content: {
      "application/json": {
        schema: {
          type: "object",
          required: ["streams"],
          properties: {
            name: { type: "string", description: "By default the device and the time." },
            streams: { ...TEXTS, description: "Stream ids and patterns." },
            exclude: TEXTS,
            device: STRING,
            prefix: STRING,
            from: { type: "string", default: "$", description: "Cursor, as in `last_entry_id`." },
            maxBytes: NUMBER,
            maxSeconds: NUMBER,
            compression: { type: "string", enum: ["zstd", "none"], default: "zstd" },
            notes: {
              type: "object",
              additionalProperties: STRING,
              description: "Texts about the recording, which its files have as a metadata record.",
            },
          },
        },
      },
    },
  },
  responses: {
    ...FAULTS,
    ...SMALL_BODY,
    "201": status("The recording."),
    "409": problem("There is a recording of this name."),
    "429": problem("A rate limit is exceeded, or too many recordings are in progress."),
  },
};

const LIST: Operation = {
  tags: ["recordings"],
  summary: "List recordings",
  responses: {
    ...FAULTS,
    "200": {
      description: "The recordings that the client may read.",
      content: { "application/json": { schema: { type: "array", items: STATUS } } },
    },
  },
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
      content: {
        "application/json": { schema: STATUS },
        [FILE_FORMAT.mediaType]: { schema: { type: "string", format: "binary" } },
      },
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
  responses: { ...FAULTS, ...UNKNOWN, "200": status("The recording, whose file is complete.") },
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
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: {
            rate: {
              type: "number",
              default: 1,
              description: `Speed: ${LEAST_RATE} to ${MOST_RATE}, or 0 for as fast as possible.`,
            },
            device: {
              type: "string",
              description: "Device to store the streams under. By default `{name}-replay`.",
            },
            streams: { ...TEXTS, description: "Names and patterns; with a colon, `device:stream`." },
            exclude: TEXTS,
            from: { type: "string", description: "Entry id, milliseconds or ISO 8601 time." },
            to: { type: "string", description: "As `from`, included." },
            loop: { type: "boolean", default: false },
            dedupe: { type: "string", description: "Key under which each entry is stored once." },
          },
        },
      },
    },
  },
  responses: {
    ...FAULTS,
    ...SMALL_BODY,
    ...UNKNOWN,
    "201": status("The recording, with its playback."),
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
  responses: { ...FAULTS, ...UNKNOWN, "200": status(answer) },
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
