/**
 * Table of wire formats, one row each. The query parameter `format`, content negotiation, the OpenAPI document, and the encoders
 * and decoders of push, pull, GET and POST read this table, so that a new format is a codec file and a row here
 * (docs/architecture.md, "Where to add").
 *
 * Two formats have no row because their transport assembles them: `header`, a JSON header and a binary payload (`header.ts`),
 * and `raw`, payloads alone.
 */
import type { Entry, Gap, StreamEntries } from "../domain/streams/entry.ts";
import { encodeBase64 } from "./base64.ts";
import {
  decodeJson,
  decodeJsonBody,
  decodeJsonBodySteps,
  decodeJsonSteps,
  encodeJson,
  encodeJsonEntry,
  encodeJsonGap,
  encodeJsonState,
  encodeJsonStatus,
  encodeJsonStreams,
} from "./json/json.ts";
import { encodeJsonSteps } from "./json/json-encode-steps.ts";
import {
  decodeMsgpack,
  decodeMsgpackBody,
  decodeMsgpackBodySteps,
  decodeMsgpackSteps,
  encodeMsgpack,
  encodeMsgpackGap,
  encodeMsgpackState,
  encodeMsgpackStatus,
  encodeMsgpackStreams,
} from "./msgpack/msgpack.ts";
import { encodeMsgpackSteps } from "./msgpack/msgpack-encode-steps.ts";
import type { PlaybackNotice } from "./notices/playback-notice.ts";
import type { StreamNotice } from "./notices/stream-notice.ts";
import type { Pieces } from "./pieces.ts";
import type { PushedEntry } from "./push-batch.ts";
import { lossyTextOf } from "./utf8.ts";

/** A message or body: a string if the format is text, else bytes. */
export type Encoded = string | Uint8Array;

/** A format whose messages and bodies describe themselves: stream, entry id, payload and further fields of each entry. */
export interface CleanFormat {
  /** Name in error messages. */
  readonly title: string;
  /** Media type of a request body, and in `Accept`. */
  readonly mediaType: string;
  /** `Content-Type` of a response. */
  readonly contentType: string;
  /** Whether its WebSocket messages are binary. */
  readonly isBinary: boolean;
  /** Bytes of memory that decoding takes per byte of a body, besides the body itself; absent if payloads stay in the body. */
  readonly decodedBytesPerByte?: number;
  /** Bytes of memory per byte of entries while a response is encoded: the entries, and the body that they are copied to. */
  readonly encodedBytesPerByte: number;
  encode(streams: readonly StreamEntries[]): Encoded;
  /** Encodes a long batch in steps, with the same result: the bytes of a text are its UTF-8. */
  encodeSteps(streams: readonly StreamEntries[]): Generator<void, Pieces>;
  /** Whether the pieces of `encodeSteps` share no memory with the entries. */
  readonly hasOwnPieces: boolean;
  /** Encodes the notice of `gaps=1`; absent if the format cannot carry notices. */
  encodeGap?(gap: Gap): Encoded;
  /** Encodes the notice of `status=1`; absent if the format cannot carry notices. */
  encodeStatus?(unavailableSince: Date | undefined): Encoded;
  /** Encodes a notice of `joins=1`; absent if the format cannot carry notices. */
  encodeStreams?(notice: StreamNotice): Encoded;
  /** Encodes the state of a playback; absent if the format cannot carry notices. */
  encodeState?(state: PlaybackNotice): Encoded;
  /** Decodes a pushed message. @throws GatewayError BAD_HEADER or TOO_LARGE */
  decode(bytes: Uint8Array, maxEntries: number): PushedEntry[];
  /** Decodes a long pushed message in steps, with the same result. @throws GatewayError BAD_HEADER or TOO_LARGE */
  decodeSteps(bytes: Uint8Array, maxEntries: number): Generator<void, PushedEntry[]>;
  /** Decodes a posted body; undefined if it is a single value and not a batch. @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE */
  decodeBody(bytes: Uint8Array, maxEntries: number): PushedEntry[] | undefined;
  /** Decodes a long posted body in steps, with the same result. @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE */
  decodeBodySteps(bytes: Uint8Array, maxEntries: number): Generator<void, PushedEntry[] | undefined>;
}

/** The clean formats, by the name that `format` takes. */
export const CLEAN_FORMATS = {
  msgpack: {
    title: "MessagePack",
    mediaType: "application/msgpack",
    contentType: "application/msgpack",
    isBinary: true,
    encodedBytesPerByte: 3,
    encode: encodeMsgpack,
    encodeSteps: encodeMsgpackSteps,
    hasOwnPieces: false,
    encodeGap: encodeMsgpackGap,
    encodeStatus: encodeMsgpackStatus,
    encodeStreams: encodeMsgpackStreams,
    encodeState: encodeMsgpackState,
    decode: decodeMsgpack,
    decodeSteps: decodeMsgpackSteps,
    decodeBody: decodeMsgpackBody,
    decodeBodySteps: decodeMsgpackBodySteps,
  },
  json: {
    title: "JSON",
    mediaType: "application/json",
    contentType: "application/json; charset=utf-8",
    isBinary: false,
    // The text, and the values that are parsed from it.
    decodedBytesPerByte: 3,
    // The body is a string first, in which a byte takes up to four characters.
    encodedBytesPerByte: 5,
    encode: encodeJson,
    encodeSteps: encodeJsonSteps,
    hasOwnPieces: true,
    encodeGap: encodeJsonGap,
    encodeStatus: encodeJsonStatus,
    encodeStreams: encodeJsonStreams,
    encodeState: encodeJsonState,
    decode: (bytes, maxEntries) => decodeJson(lossyTextOf(bytes), maxEntries),
    decodeSteps: decodeJsonSteps,
    decodeBody: decodeJsonBody,
    decodeBodySteps: decodeJsonBodySteps,
  },
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
