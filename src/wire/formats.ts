/**
 * Table of wire formats. The query parameter `format`, content negotiation, the OpenAPI document, and the encoders and decoders
 * of push, pull, work, GET and POST read it, so that a new format is a file with its row, and its name here
 * (docs/architecture.md, "Where to add").
 *
 * Two formats have no row because their transport assembles them: `header`, a JSON header and a binary payload (`header.ts`),
 * and `raw`, payloads alone.
 */
import type { Entry } from "../domain/streams/entry.ts";
import { encodeBase64 } from "./base64.ts";
import type { CleanFormat } from "./clean-format.ts";
import { encodeJsonEntry } from "./json/json.ts";
import { JSON_FORMAT } from "./json/json-format.ts";
import { MSGPACK_FORMAT } from "./msgpack/msgpack-format.ts";
import { lossyTextOf } from "./utf8.ts";

/** The clean formats, by the name that `format` takes. */
export const CLEAN_FORMATS = {
  msgpack: MSGPACK_FORMAT,
  json: JSON_FORMAT,
} as const satisfies Readonly<Record<string, CleanFormat>>;

/** The format of exports: a file of the history, which robotics tools open (`mcap/`). It is written in a thread, not by a codec here. */
export const FILE_FORMAT = { name: "mcap", mediaType: "application/mcap" } as const;

/** Name of a clean format. */
export type CleanFormatName = keyof typeof CLEAN_FORMATS;

/** Names of the clean formats. */
export const CLEAN_FORMAT_NAMES = Object.keys(CLEAN_FORMATS) as readonly CleanFormatName[];

/** The row of a clean format. */
export const cleanFormat = (name: CleanFormatName): CleanFormat => CLEAN_FORMATS[name];

/** Format of an HTTP body: payloads end to end, or a clean format. */
export type BodyFormat = "raw" | CleanFormatName;

/** Format of WebSocket messages: a header and a payload, payloads alone, or a clean format. */
export type MessageFormat = "header" | "raw" | CleanFormatName;

/** Media type of a body of payloads end to end. */
export const RAW_TYPE = "application/octet-stream";

/** Encoders of an entry as the data of a server-sent event, which is text. Only `text` cannot represent all bytes. */
export const EVENT_FORMATS = {
  text: (_stream, { data }) => lossyTextOf(data),
  json: encodeJsonEntry,
  base64: (_stream, { data }) => encodeBase64(data),
} as const satisfies Readonly<Record<string, (stream: string, entry: Entry) => string>>;

/** Name of an event format. */
export type EventFormat = keyof typeof EVENT_FORMATS;

/** Names of the event formats. */
export const EVENT_FORMAT_NAMES = Object.keys(EVENT_FORMATS) as readonly EventFormat[];
