/**
 * A batch: an unbroken run of one stream's entries, behind one id and up to another, as one read brought it. It is
 * what readers share: whoever stands at `after` can take it whole, in frames that are built once for all of them.
 */

import { bytesOf, type Entry, type FieldValue, valuesOf } from "../domain/entry.ts";
import { compareIds, type EntryId } from "../domain/entry-id.ts";
import type { Encoder } from "./sink.ts";

/** An unbroken run of entries of one stream. */
export interface Batch {
  readonly key: string;
  /** The cursor that this batch continues. */
  readonly after: EntryId;
  /** The cursor of a reader that has taken it: the id of the last entry. */
  readonly last: EntryId;
  /** At least one. */
  readonly entries: readonly Entry[];
  /** The bytes of the entries' payloads and further fields. */
  readonly bytes: number;
  /** What it takes in memory, about, in bytes. */
  readonly cost: number;
  /** Frames made so far, by the form and name they were made for. */
  readonly frames: Map<string, unknown>;
}

/** Objects and frame headers that an entry costs besides its payload, in bytes, about. */
const ENTRY_COST_BYTES = 1000;
/** Values up to this size are copied together: they may be slices of a far larger reply, which they would keep. */
const COMPACT_UP_TO_BYTES = 4096;

/** Makes a batch of entries that follow each other. @param entries at least one */
export function createBatch(key: string, after: EntryId, entries: readonly Entry[], last: EntryId): Batch {
  const bytes = bytesOf(entries);
  return {
    key,
    after,
    last,
    entries: compacted(entries),
    bytes,
    // Twice: as they are, and in the frames that are made of them.
    cost: bytes * 2 + entries.length * ENTRY_COST_BYTES,
    frames: new Map(),
  };
}

/** Entries whose small payloads and fields share one piece of memory that belongs to nobody else. */
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

/** The index of the first entry past a cursor; the number of entries where there is none. */
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
 * The frame of a whole batch, made once per form and stream name.
 *
 * @param memo `encoder.form` and the name, joined by the caller once and not per batch
 */
export function frameOf<Frame>(batch: Batch, encoder: Encoder<Frame>, stream: string, memo: string): Frame {
  if (encoder.form === undefined) return encoder.encode([{ stream, entries: batch.entries }]);
  const known = batch.frames.get(memo);
  if (known !== undefined) return known as Frame;
  const frame = encoder.encode([{ stream, entries: batch.entries }]);
  batch.frames.set(memo, frame);
  return frame;
}
