/**
 * Clean formats, whose messages and bodies describe themselves: stream, entry id, payload and further fields of each entry.
 * Each has a row (`json/json-format.ts`, `msgpack/msgpack-format.ts`) in the table `formats.ts`.
 */
import type { StreamEntries } from "../domain/streams/entry.ts";
import type { Notice } from "./notices/notice.ts";
import type { Pieces } from "./pieces.ts";
import type { PushedEntry } from "./push-batch.ts";
import type { WorkItem, WorkNotice } from "./work/work.ts";

/** A notice: a string if the format is text, else bytes. */
export type Encoded = string | Uint8Array;

/** Row of a clean format. */
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
  /** Encodes entries: a string if the format is text. */
  encode(streams: readonly StreamEntries[]): string | Pieces;
  /** Encodes a long batch in steps, with the same result: the pieces of a text are its UTF-8. */
  encodeSteps(streams: readonly StreamEntries[]): Generator<void, Pieces>;
  /** Whether the pieces of `encodeSteps` share no memory with the entries. */
  readonly hasOwnPieces: boolean;
  /** Encodes a notice; absent if the format cannot carry notices. */
  encodeNotice?(notice: Notice): Encoded;
  /** Encodes the entries of a stream for a worker, in steps. The bytes of a text are its UTF-8. */
  encodeWorkSteps(stream: string, items: readonly WorkItem[]): Generator<void, Pieces>;
  /** Encodes a notice to a worker. */
  encodeWorkNotice(notice: WorkNotice): Encoded;
  /** Decodes a pushed message. @throws GatewayError BAD_HEADER or TOO_LARGE */
  decode(bytes: Uint8Array, maxEntries: number): PushedEntry[];
  /** Decodes a long pushed message in steps, with the same result. @throws GatewayError BAD_HEADER or TOO_LARGE */
  decodeSteps(bytes: Uint8Array, maxEntries: number): Generator<void, PushedEntry[]>;
  /** Decodes a posted body; undefined if it is a single value and not a batch. @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE */
  decodeBody(bytes: Uint8Array, maxEntries: number): PushedEntry[] | undefined;
  /** Decodes a long posted body in steps, with the same result. @throws GatewayError BAD_BODY, BAD_HEADER or TOO_LARGE */
  decodeBodySteps(bytes: Uint8Array, maxEntries: number): Generator<void, PushedEntry[] | undefined>;
}
