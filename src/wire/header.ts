/**
 * The paired format: a JSON header, then one binary payload of concatenated entries (docs/protocol.md, "Header format").
 *
 *     header   [[stream_id, entry_id, offset], …]        or, on push, [offset, …] and []
 *     payload  |entry 0|entry 1|…|
 *               ^start  ^start                            offsets=start: start of each entry
 *                       ^end    ^end                      offsets=end:   end of each entry
 */

import { runAtOnce } from "../domain/scheduling/run-at-once.ts";
import type { RequestedId, StreamEntries } from "../domain/streams/entry.ts";
import { parseJsonSteps } from "./json/json-steps.ts";
import { parseJson } from "./json/json-text.ts";
import {
  checkBatchSize,
  malformed,
  type PushedEntry,
  preview,
  requestedIdOf,
  streamIdOf,
} from "./push-batch.ts";

/** Meaning of a pushed offset: start or end of its entry. `auto`: the end, unless the first offset is 0. */
export type PushOffsets = "auto" | "start" | "end";

/** Meaning of a pulled offset: start or end of its entry. */
export type PullOffsets = "start" | "end";

/** A parsed push header. Its payload is the next message. */
export interface PushHeader {
  /** One per entry. */
  readonly entries: readonly { readonly stream: string; readonly id: RequestedId }[];
  /** One per entry; undefined if the whole payload is one entry. */
  readonly offsets: readonly number[] | undefined;
}

/**
 * Parses a push header.
 *
 * @param streams the stream ids of the URL
 * @param maxEntries limit of entries in a batch
 * @throws GatewayError BAD_HEADER or TOO_LARGE
 */
export const parsePushHeader = (text: string, streams: readonly string[], maxEntries: number): PushHeader =>
  runAtOnce(headerOf(parseJson(text, "header", maxEntries), streams, maxEntries));

/** Parses a long push header in steps, with the same result. @throws GatewayError BAD_HEADER or TOO_LARGE */
export function* parsePushHeaderSteps(
  bytes: Uint8Array,
  streams: readonly string[],
  maxEntries: number,
): Generator<void, PushHeader> {
  return yield* headerOf(yield* parseJsonSteps(bytes, "header", maxEntries), streams, maxEntries);
}

function* headerOf(
  value: unknown,
  streams: readonly string[],
  maxEntries: number,
): Generator<void, PushHeader> {
  if (!Array.isArray(value)) throw malformed(`header must be a JSON list, got ${preview(value)}`);
  const list: readonly unknown[] = value;
  checkBatchSize(list.length, maxEntries);
  const [only] = streams;
  if (list.length === 0) {
    if (only === undefined || streams.length > 1)
      throw malformed(`header [] requires one stream in the URL, got ${streams.length}`);
    return { entries: [{ stream: only, id: "*" }], offsets: undefined };
  }
  if (Array.isArray(list[0])) return yield* namedEntries(list);
  const offsets = list.map(offsetOf);
  if (streams.length !== 1 && streams.length !== offsets.length)
    throw malformed(
      `header must have one offset per stream of the URL (${streams.length}), got ${offsets.length}`,
    );
  return { entries: offsets.map((_, i) => ({ stream: streams[i] ?? only ?? "", id: "*" })), offsets };
}

/** Entries that are read between two yields. */
const ENTRIES_PER_STEP = 256;

function* namedEntries(list: readonly unknown[]): Generator<void, PushHeader> {
  const offsets: number[] = [];
  const entries: { stream: string; id: RequestedId }[] = [];
  for (const [i, item] of list.entries()) {
    if (!Array.isArray(item) || item.length < 2 || item.length > 3)
      throw malformed(
        `header item ${i} must be [stream_id, end] or [stream_id, entry_id, end], got ${preview(item)}`,
      );
    offsets.push(offsetOf(item[item.length - 1]));
    entries.push({ stream: streamIdOf(item[0]), id: item.length === 3 ? requestedIdOf(item[1]) : "*" });
    if (i % ENTRIES_PER_STEP === ENTRIES_PER_STEP - 1) yield;
  }
  return { entries, offsets };
}

function offsetOf(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw malformed(`header offset must be a non-negative integer, got ${preview(value)}`);
  return value;
}

/**
 * Splits a payload into the entries of its header.
 *
 * @throws GatewayError BAD_HEADER if the offsets do not ascend, exceed the payload or do not cover it
 */
export function splitPayload(header: PushHeader, payload: Uint8Array, side: PushOffsets): PushedEntry[] {
  const { entries, offsets } = header;
  const ends = offsets === undefined ? [payload.length] : endsOf(offsets, payload.length, side);
  let start = 0;
  return entries.map(({ stream, id }, i) => {
    const end = ends[i] ?? payload.length;
    const data = payload.subarray(start, end);
    start = end;
    return { stream, id, data };
  });
}

function endsOf(offsets: readonly number[], length: number, side: PushOffsets): readonly number[] {
  const first = offsets[0] ?? 0;
  const areStarts = side === "start" || (side === "auto" && first === 0);
  if (areStarts && first !== 0) throw malformed(`the first start offset must be 0, got ${first}`);
  const ends = areStarts ? [...offsets.slice(1), length] : offsets;
  let before = 0;
  for (const offset of offsets) {
    if (offset < before) throw malformed(`header offsets must ascend, got ${offset} after ${before}`);
    if (offset > length) throw malformed(`offset ${offset} is past the end of the payload (${length} bytes)`);
    before = offset;
  }
  const last = ends[ends.length - 1] ?? length;
  if (last !== length) throw malformed(`the last offset must be the payload length ${length}, got ${last}`);
  return ends;
}

/** Encodes the header of concatenated entries, in order. */
export function encodeHeader(streams: readonly StreamEntries[], side: PullOffsets): string {
  const items: string[] = [];
  let at = 0;
  for (const { stream, entries } of streams) {
    const name = JSON.stringify(stream);
    for (const { id, data } of entries) {
      const offset = side === "start" ? at : at + data.length;
      at += data.length;
      items.push(`[${name},"${id}",${offset}]`);
    }
  }
  return `[${items.join(",")}]`;
}

/** Escapes non-ASCII characters of JSON text as `\u`, for an HTTP header (RFC 9110, section 5.5). */
export const asciiJson = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
