/**
 * How large the entries of a stream are, as seen so far. `COUNT` bounds entries, not bytes: 20 entries of a camera
 * are 2 MB and 20 of an IMU are 2 KB, so every bulk read asks here how many to ask for.
 */
import { bytesOf, type Entry, valuesOf } from "../../domain/entry.ts";

/** Streams remembered; the one not seen for longest is forgotten first. */
const MOST_STREAMS = 20_000;
/** Assumed of a stream nobody has read yet, in bytes: a careful guess costs one short page. */
const UNKNOWN_BYTES = 32 * 1024;
/** What an entry costs besides its payload: id, field name, RESP framing. */
const ENTRY_OVERHEAD_BYTES = 48;
/**
 * What a further field costs besides its name and value. 4,000 tiny fields take Redis and the gateway as long as a
 * payload of 256 KB, so pages of such entries have to be short.
 */
const FIELD_OVERHEAD_BYTES = 64;

/** Remembers entry sizes per stream key. */
export interface EntrySizes {
  /** Learns from entries that were read. */
  learn(key: string, entries: readonly Entry[]): void;
  /** Bytes that one entry of the stream is expected to take in a reply. */
  expected(key: string): number;
}

function fieldCount(entries: readonly Entry[]): number {
  let count = 0;
  for (const { fields } of entries)
    if (fields !== undefined) for (const value of fields.values()) count += valuesOf(value).length;
  return count;
}

/** Makes a memory with nothing in it. */
export function createEntrySizes(): EntrySizes {
  const sizes = new Map<string, number>();
  return {
    learn(key, entries) {
      if (entries.length === 0) return;
      const bytes = bytesOf(entries) + FIELD_OVERHEAD_BYTES * fieldCount(entries);
      const seen = bytes / entries.length + ENTRY_OVERHEAD_BYTES;
      const before = sizes.get(key) ?? 0;
      // Up at once, down slowly: a guess that is too small costs memory, one that is too large a round trip.
      sizes.set(key, seen >= before ? seen : before * 0.8 + seen * 0.2);
      if (before !== 0 || sizes.size <= MOST_STREAMS) return;
      for (const oldest of sizes.keys()) {
        sizes.delete(oldest);
        break;
      }
    },
    expected: (key) => sizes.get(key) ?? UNKNOWN_BYTES,
  };
}
