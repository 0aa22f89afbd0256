/**
 * The MessagePack format: an array of `[stream_id, entry_id, payload]`, payload as bin, with a map of further fields as an
 * optional fourth element (docs/protocol.md, "Formats"). Decoders, and encoders of notices and of what a client pushes; pulled
 * entries are encoded in `msgpack-encoder.ts`.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { encode } from "@msgpack/msgpack";
import { runAtOnce } from "../../domain/scheduling/run-at-once.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import { parseId } from "../../domain/streams/entry-id.ts";
import { cleanEntries } from "../clean-entries.ts";
import type { Notice } from "../notices/notice.ts";
import { type PlaybackNotice, readPlaybackState } from "../notices/playback-notice.ts";
import { readStatus, type StatusNotice } from "../notices/status-notice.ts";
import { type PulledStreamNotice, readStreamNotice } from "../notices/stream-notice.ts";
import { malformed, type PushedEntry, preview } from "../push-batch.ts";
import { bytesOfText } from "../utf8.ts";
import { readMsgpack, readMsgpackSteps } from "./msgpack-reader.ts";

/** Encodes a notice: a map, where entries are an array. */
export const encodeMsgpackNotice = (notice: Notice): Uint8Array => encode(notice);

/** Decodes a pushed batch. A payload may be bin or str. @throws GatewayError BAD_HEADER or TOO_LARGE */
export const decodeMsgpack = (bytes: Uint8Array, maxEntries: number): PushedEntry[] =>
  runAtOnce(decodeMsgpackSteps(bytes, maxEntries));

/** Decodes a long pushed batch in steps, with the same result. @throws GatewayError BAD_HEADER or TOO_LARGE */
export function* decodeMsgpackSteps(bytes: Uint8Array, maxEntries: number): Generator<void, PushedEntry[]> {
  const value = yield* readMsgpackSteps(bytes, maxEntries);
  return yield* cleanEntries(value, maxEntries, bytesOfMsgpack);
}

/** Decodes a posted batch; undefined if it is a map, which is not a batch. @throws GatewayError BAD_HEADER or TOO_LARGE */
export const decodeMsgpackBody = (bytes: Uint8Array, maxEntries: number): PushedEntry[] | undefined =>
  runAtOnce(decodeMsgpackBodySteps(bytes, maxEntries));

/** Decodes a long posted batch in steps, with the same result. @throws GatewayError BAD_HEADER or TOO_LARGE */
export function* decodeMsgpackBodySteps(
  bytes: Uint8Array,
  maxEntries: number,
): Generator<void, PushedEntry[] | undefined> {
  const value = yield* readMsgpackSteps(bytes, maxEntries);
  return value instanceof Map ? undefined : yield* cleanEntries(value, maxEntries, bytesOfMsgpack);
}

/** One pulled entry, with the stream name that the client uses. */
export interface PulledEntry extends Entry {
  readonly stream: string;
}

/** Value of a field to push: text is sent as UTF-8, a list repeats the field. */
export type GivenValue = string | Uint8Array | readonly (string | Uint8Array)[];

const isList = (value: GivenValue): value is readonly (string | Uint8Array)[] => Array.isArray(value);
const bytesOfGiven = (value: string | Uint8Array): Uint8Array =>
  typeof value === "string" ? bytesOfText(value) : value;

/** Encodes a batch to push, the inverse of `decodeMsgpack`. Field values that are text are sent as UTF-8 bytes. */
export function encodePushedMsgpack(
  entries: readonly (Omit<PushedEntry, "fields"> & {
    readonly fields?: Readonly<Record<string, GivenValue>> | undefined;
  })[],
): Uint8Array {
  const items = entries.map(({ stream, id, data, fields }) => {
    const item = [stream, id === "*" ? null : id, data];
    if (fields === undefined) return item;
    const values = Object.entries(fields).map(([name, value]) => [
      name,
      isList(value) ? value.map(bytesOfGiven) : bytesOfGiven(value),
    ]);
    return [...item, Object.fromEntries(values)];
  });
  return encode(items);
}

/**
 * Decodes pulled entries, the inverse of `encodeMsgpack`. Accepts every entry that a stream can hold, so that one unusual
 * entry does not end a subscription.
 *
 * @throws GatewayError BAD_HEADER
 */
export function decodePulledMsgpack(bytes: Uint8Array): PulledEntry[] {
  // An entry takes at least one byte.
  const value = readMsgpack(bytes, bytes.length, true);
  const entries = runAtOnce(cleanEntries(value, bytes.length, bytesOfMsgpack, true));
  return entries.map((entry, i) => {
    const id = parseId(entry.id);
    if (id === undefined) throw malformed(`entry ${i} has no id`);
    const { stream, data, fields } = entry;
    return fields === undefined ? { stream, id, data } : { stream, id, data, fields };
  });
}

/** Type of a small map, in the upper four bits of the first byte. */
const FIXMAP = 0x80;

/** A pulled message that is not a batch: a gap before the next entry of a stream, the status of Redis, streams of a pattern, or the state of a playback. */
export type PulledNotice =
  | { readonly gapIn: string }
  | StatusNotice
  | PulledStreamNotice
  | { readonly playback: PlaybackNotice };

/**
 * Decodes notices; returns undefined if the message is a batch.
 *
 * @throws GatewayError BAD_HEADER if it is any other map
 */
export function decodePulledNotice(bytes: Uint8Array): PulledNotice | undefined {
  if (((bytes[0] ?? 0) & 0xf0) !== FIXMAP) return undefined;
  const value = readMsgpack(bytes, bytes.length, true);
  const gap = value instanceof Map ? value.get("gap") : undefined;
  const stream = gap instanceof Map ? gap.get("stream_id") : undefined;
  if (typeof stream === "string") return { gapIn: stream };
  const state = value instanceof Map ? value.get("state") : undefined;
  const playback = state instanceof Map ? readPlaybackState((field) => state.get(field)) : undefined;
  if (playback !== undefined) return { playback };
  const status = value instanceof Map ? value.get("status") : undefined;
  const notice =
    status instanceof Map
      ? readStatus((field) => status.get(field))
      : readStreamNotice((name) => (value instanceof Map ? value.get(name) : undefined));
  if (notice === undefined) throw malformed(`the message must be entries or a notice, got ${preview(value)}`);
  return notice;
}

/** Returns the bytes of bin or str. @throws GatewayError BAD_HEADER */
export function bytesOfMsgpack(value: unknown, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return bytesOfText(value);
  throw malformed(`${what} must be bin or str, got ${preview(value)}`);
}
