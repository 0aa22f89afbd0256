/** Parts of a long batch. Encoding 10,000 entries, or entries with thousands of fields, would block other clients for too long. */
import { type NewEntry, valuesOf } from "../../domain/streams/entry.ts";

/** Size of one part: number of entries and fields, and bytes. */
const PART_ENTRIES = 1000;
const PART_BYTES = 1024 * 1024;

/** A part of a batch. */
export interface AppendPart {
  readonly entries: readonly NewEntry[];
  /** Index of its first entry in the batch. */
  readonly start: number;
  /** Size of payloads and values of fields. */
  readonly bytes: number;
}

/** Returns the size of the payloads and fields of entries to append, in bytes. */
export const appendBytesOf = (entries: readonly NewEntry[]): number =>
  entries.reduce((sum, entry) => sum + sizeOf(entry).bytes, 0);

/** Divides a batch into parts, in order. A part has at least one entry. */
export function* partsOf(entries: readonly NewEntry[]): Generator<AppendPart> {
  for (let start = 0; start < entries.length; ) {
    let end = start;
    let bytes = 0;
    for (let count = 0; end < entries.length && count < PART_ENTRIES && bytes < PART_BYTES; end++) {
      const entry = entries[end];
      if (entry === undefined) continue;
      const size = sizeOf(entry);
      bytes += size.bytes;
      count += size.values;
    }
    yield { entries: entries.slice(start, end), start, bytes };
    start = end;
  }
}

function sizeOf({ data, fields }: NewEntry): { readonly bytes: number; readonly values: number } {
  let bytes = data.length;
  let values = 1;
  for (const value of fields?.values() ?? []) {
    for (const one of valuesOf(value)) {
      bytes += one.length;
      values++;
    }
  }
  return { bytes, values };
}
