/** Encoded messages as pieces. Stepwise encoders return them, so that a long message is copied at most once. */
import type { StreamEntries } from "../domain/streams/entry.ts";
import { valuesOf } from "../domain/streams/entry.ts";

/** Consecutive parts of a message or body. They may share memory with the entries, so they must not be changed. */
export type Pieces = readonly Uint8Array[];

/** Encoding more than this takes about 1 ms: entries and field values together, and bytes. */
const LONG_VALUES = 256;
const LONG_BYTES = 64 * 1024;

/** Returns whether the entries must be encoded in steps, because encoding takes long. */
export function isLongToEncode(streams: readonly StreamEntries[]): boolean {
  let values = 0;
  let bytes = 0;
  for (const { entries } of streams) {
    values += entries.length;
    for (const { data, fields } of entries) {
      if (values > LONG_VALUES || bytes > LONG_BYTES) return true;
      bytes += data.length;
      if (fields === undefined) continue;
      values += fields.size;
      if (values > LONG_VALUES) return true;
      for (const [name, value] of fields)
        for (const one of valuesOf(value)) {
          values++;
          bytes += name.length + one.length;
        }
    }
  }
  return values > LONG_VALUES || bytes > LONG_BYTES;
}

/** Bytes that are copied between two yields. */
const STEP_BYTES = 128 * 1024;

/** Joins pieces in steps. */
export function* joinSteps(pieces: Pieces): Generator<void, Uint8Array> {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const whole = new Uint8Array(size);
  let filled = 0;
  let sinceYield = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += STEP_BYTES) {
      const part = piece.subarray(from, from + STEP_BYTES);
      whole.set(part, filled);
      filled += part.length;
      sinceYield += part.length;
      if (sinceYield < STEP_BYTES) continue;
      sinceYield = 0;
      yield;
    }
  }
  return whole;
}
