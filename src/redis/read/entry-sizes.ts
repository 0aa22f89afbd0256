/**
 * Entry sizes: the observed mean size of the entries of each stream. `COUNT` limits entries, not bytes, and 20 entries are
 * 2 MB from a camera but 2 KB from an IMU. Every bulk read uses these sizes to choose its `COUNT`.
 */
import { BoundedMap } from "../../domain/bounded-map.ts";
import { bytesOf, type Entry, valuesOf } from "../../domain/streams/entry.ts";

/** Streams remembered; above this, the oldest one is dropped. */
const MAX_STREAMS = 20_000;
/** Size (bytes) assumed for an unread stream; a high estimate costs only one short page. */
const UNKNOWN_BYTES = 32 * 1024;
/** Overhead (bytes) of an entry besides its payload: id, field name, RESP framing. */
const ENTRY_OVERHEAD_BYTES = 48;
/**
 * Overhead (bytes) of an additional field besides its name and value. 4,000 tiny fields take Redis and the gateway as
 * long as a payload of 256 KB, so pages of such entries must be short.
 */
const FIELD_OVERHEAD_BYTES = 64;

/** Remembers entry sizes per stream key. */
export interface EntrySizes {
  /** Updates the size from entries that were read. */
  learn(key: string, entries: readonly Entry[]): void;
  /** Expected bytes of one entry of the stream in a reply; an integer, as memory is reserved for it. */
  expected(key: string): number;
}

function fieldCount(entries: readonly Entry[]): number {
  let count = 0;
  for (const { fields } of entries)
    if (fields !== undefined) for (const value of fields.values()) count += valuesOf(value).length;
  return count;
}

/** Creates empty statistics. */
export function createEntrySizes(): EntrySizes {
  const sizes = new BoundedMap<number>(MAX_STREAMS);
  return {
    learn(key, entries) {
      if (entries.length === 0) return;
      const bytes = bytesOf(entries) + FIELD_OVERHEAD_BYTES * fieldCount(entries);
      const seen = bytes / entries.length + ENTRY_OVERHEAD_BYTES;
      const before = sizes.get(key) ?? 0;
      // Grows at once and shrinks slowly: an underestimate costs memory, an overestimate only a round trip.
      sizes.set(key, seen >= before ? seen : before * 0.8 + seen * 0.2);
    },
    expected: (key) => Math.round(sizes.get(key) ?? UNKNOWN_BYTES),
  };
}
