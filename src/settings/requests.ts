/** Limits of single requests, messages and responses. */
import { bytes, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Limits of single requests, messages and responses. */
export const REQUESTS = {
  maxMessageBytes: row(
    "MAX_MESSAGE_BYTES",
    bytes(1024),
    "64m",
    "bytes",
    "Maximum size of a WebSocket message or HTTP body; larger ones are rejected with 413 or close code 1009",
  ),
  maxBatchEntries: row(
    "MAX_BATCH_ENTRIES",
    whole(1, 1_000_000),
    "10000",
    "entries",
    "Maximum number of entries in one pushed batch, and maximum count of one read",
  ),
  maxStreams: row(
    "MAX_STREAMS",
    whole(1, 100_000),
    "1000",
    "streams",
    "Maximum number of streams in one request",
  ),
  maxNameBytes: row(
    "MAX_NAME_BYTES",
    bytes(64),
    "1k",
    "bytes",
    "Maximum length of a stream id, device id and prefix; streams with longer keys are not listed",
  ),
  maxHeaderBytes: row(
    "MAX_HEADER_BYTES",
    bytes(1024),
    "64k",
    "bytes",
    "Maximum size of a request's head, URL included; larger ones are rejected with 431",
  ),
  maxResponseHeaderBytes: row(
    "MAX_RESPONSE_HEADER_BYTES",
    bytes(1536),
    "3500",
    "bytes",
    "Maximum size of the response headers of a read; a read returns fewer entries if x-offsets would exceed it. nginx accepts 4096 by default",
  ),
  maxAnswerBytes: row(
    "MAX_ANSWER_BYTES",
    bytes(1024),
    "16m",
    "bytes",
    "Maximum payload bytes of one response or one pulled message; one that would exceed it has fewer entries than requested",
  ),
} as const;
