/**
 * Batches: consecutive entries of one stream, after one id and up to another, as returned by one read. Readers share
 * batches: a reader whose cursor is `after` takes the whole batch, in frames that are encoded once for all readers.
 */

import { bytesOf, type Entry, type FieldValue, valuesOf } from "../domain/streams/entry.ts";
import { compareIds, type EntryId } from "../domain/streams/entry-id.ts";
import type { Encoder } from "./sink.ts";

/** Consecutive entries of one stream. */
export interface Batch {
  readonly key: string;
  /** The cursor before the batch. */
  readonly after: EntryId;
  /** The cursor after the batch: the id of the last entry. */
  readonly last: EntryId;
  /** At least one. */
  readonly entries: readonly Entry[];
  /** Size of payloads and further fields, in bytes. */
  readonly bytes: number;
  /** Estimated memory, in bytes. */
  readonly cost: number;
  /** Cache of encoded frames, by form and stream name. */
  readonly frames: Map<string, unknown>;
  /** Size of these frames, in bytes; undefined if any of them refers to the entries. */
  frameBytes: number | undefined;
}

/** Estimated memory (bytes) of a batch's objects, and of each entry's with its frame headers, besides the payloads. */
const BATCH_COST_BYTES = 800;
const ENTRY_COST_BYTES = 300;
/** Estimated memory (bytes) of an entry's map of fields, and of each of their values, besides the bytes of both. */
const FIELDS_COST_BYTES = 200;
const VALUE_COST_BYTES = 100;
/** Values up to this size are copied into shared memory: a slice of a large reply would keep the whole reply in memory. */
const COMPACT_UP_TO_BYTES = 4096;

/** Creates a batch. @param entries consecutive entries, at least one */
export function createBatch(key: string, after: EntryId, entries: readonly Entry[], last: EntryId): Batch {
  const bytes = bytesOf(entries);
  return {
    key,
    after,
    last,
    entries: compacted(entries),
    bytes,
    // Twice: the entries and the frames encoded from them.
    cost: BATCH_COST_BYTES + bytes * 2 + entries.reduce((sum, entry) => sum + objectsCost(entry), 0),
    frames: new Map(),
    frameBytes: 0,
  };
}

function objectsCost({ fields }: Entry): number {
  if (fields === undefined) return ENTRY_COST_BYTES;
  let cost = ENTRY_COST_BYTES + FIELDS_COST_BYTES;
  for (const value of fields.values()) cost += valuesOf(value).length * VALUE_COST_BYTES;
  return cost;
}

/** Copies small payloads and fields into one buffer of their own. */
function compacted(entries: readonly Entry[]): readonly Entry[] {
  let bytes = 0;
  for (const { data, fields } of entries) {
    bytes += copiedBytes(data);
    if (fields !== undefined)
      for (const value of fields.values()) for (const one of valuesOf(value)) bytes += copiedBytes(one);
  }
  if (bytes === 0) return entries;
  const memory = new Uint8Array(bytes);
  let at = 0;
  const copied = (value: Uint8Array): Uint8Array => {
    if (value.length > COMPACT_UP_TO_BYTES) return value;
    memory.set(value, at);
    at += value.length;
    return memory.subarray(at - value.length, at);
  };
  const copiedValue = (value: FieldValue) =>
    value instanceof Uint8Array ? copied(value) : value.map((one) => copied(one));
  return entries.map(({ id, data, fields }) =>
    fields === undefined
      ? { id, data: copied(data) }
      : {
          id,
          data: copied(data),
          fields: new Map([...fields].map(([name, value]) => [name, copiedValue(value)])),
        },
  );
}

const copiedBytes = (value: Uint8Array) => (value.length > COMPACT_UP_TO_BYTES ? 0 : value.length);

/** Returns the index of the first entry after a cursor, or the number of entries if there is none. */
export function firstPast(entries: readonly Entry[], cursor: EntryId): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = entries[middle];
    if (entry !== undefined && compareIds(entry.id, cursor) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Returns the frame of a whole batch, encoded once per form and stream name.
 *
 * @param frameKey see `FrameKeys`; undefined if the frame is not shared
 */
export function frameOf<Frame>(
  batch: Batch,
  frameKey: string | undefined,
  reader: { readonly encoder: Encoder<Frame> },
  { name }: { readonly name: string },
): Frame {
  const known = frameKey === undefined ? undefined : batch.frames.get(frameKey);
  if (known !== undefined) return known as Frame;
  const frame = reader.encoder.encode([{ stream: name, entries: batch.entries }]);
  if (frameKey === undefined) return frame;
  batch.frames.set(frameKey, frame);
  const bytes = reader.encoder.bytesOf?.(frame);
  batch.frameBytes =
    bytes === undefined || batch.frameBytes === undefined ? undefined : batch.frameBytes + bytes;
  return frame;
}
