/**
 * Reads several files of a recording as one: their entries in the order of their ids.
 *
 * A file is read in the order of its times, with all chunks that share a moment in memory. If a recording began with stored entries,
 * its streams are far apart in the file: it caught up with each at its own speed. Its streams are then read one beside the other,
 * each with one chunk in memory, or, if these are too many, with a part of one.
 */
import { CACHED_CHUNK_BYTES } from "../files/chunk-cache.ts";
import type { RecordedEntry, RecordingRange, RecordingReader } from "../files/read-recording.ts";
import { WindowMemory } from "../files/stream-window.ts";
import { maxBytesAtOnce } from "./max-at-once.ts";
import { type MergeSource, mergeById } from "./merge.ts";

/** The part of a reader that is needed. */
export type ReadFile = Pick<RecordingReader, "hasExactTimes" | "span" | "read" | "readStream" | "chunks">;

/** Reading of a range of several files. */
export interface Reading {
  readonly sources: readonly MergeSource<RecordedEntry>[];
  /** Maximum number of bytes of chunks in memory, also of a part of the range. */
  readonly bytes: number;
}

/** Memory up to which files are read in the order of their times, which reads each chunk once. */
const MAX_TOGETHER_BYTES = 64 * 1024 * 1024;
/** Maximum number of bytes of chunks in memory. */
export const MAX_CHUNK_BYTES = 256 * 1024 * 1024;
/** Minimum size of a window. With smaller ones, a chunk would be read very often. */
const MIN_WINDOW_BYTES = 128 * 1024;

/** Returns the reading of a range: in the order of times, or the one that needs less memory. @param maxBytes memory above which windows are read */
export function planReading(
  files: readonly ReadFile[],
  range: RecordingRange,
  maxBytes = MAX_CHUNK_BYTES,
): Reading {
  const bytes = maxBytesAtOnce(files.flatMap((file) => file.chunks(range)));
  const together: Reading = {
    sources: files.map((file) => ({ startMs: startOf(file), open: () => file.read(range) })),
    bytes,
  };
  // In files of other programs, the entries of a stream may have any order.
  if (bytes <= MAX_TOGETHER_BYTES || !files.every(({ hasExactTimes }) => hasExactTimes)) return together;
  const streams = files.flatMap((file) => streamsOf(file, range));
  const cachedBytes = files.length * CACHED_CHUNK_BYTES;
  const apart = maxBytesAtOnce(streams) + cachedBytes;
  if (Math.min(apart, bytes) > maxBytes) return readWindows(streams, range, maxBytes, cachedBytes);
  if (apart >= bytes) return together;
  return {
    sources: streams.map(({ file, key, fromMs }) => ({
      startMs: fromMs,
      open: () => file.readStream(key, range),
    })),
    // A part of the range may need less together, up to the limit.
    bytes: Math.max(apart, MAX_TOGETHER_BYTES),
  };
}

/** Returns the reading in windows, which take half of the memory, so that large entries fit in the other half. */
function readWindows(
  streams: readonly FileStream[],
  range: RecordingRange,
  maxBytes: number,
  cachedBytes: number,
): Reading {
  const count = maxBytesAtOnce(streams.map((stream) => ({ ...stream, bytes: 1 })));
  const windowBytes = Math.max(MIN_WINDOW_BYTES, Math.floor((maxBytes / 2 - cachedBytes) / count));
  const memory = new WindowMemory(windowBytes, Math.max(maxBytes / 2, maxBytes - cachedBytes));
  return {
    sources: streams.map(({ file, key, fromMs }) => ({
      startMs: fromMs,
      open: () => file.readStream(key, range, memory),
    })),
    bytes: Math.max(count * windowBytes + cachedBytes, MAX_TOGETHER_BYTES),
  };
}

/** Yields the entries of a range of all files. */
export const readTogether = (
  files: readonly ReadFile[],
  range: RecordingRange,
): AsyncGenerator<RecordedEntry, void, undefined> =>
  mergeById(planReading(files, range).sources, ({ entry }) => entry.id);

const startOf = ({ hasExactTimes, span }: ReadFile): number | undefined =>
  hasExactTimes ? span?.fromMs : undefined;

/** A stream of a file: the times of its chunks, and the size of the largest one. */
interface FileStream {
  readonly file: ReadFile;
  readonly key: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
}

function streamsOf(file: ReadFile, range: RecordingRange): readonly FileStream[] {
  const streams = new Map<string, FileStream>();
  for (const { keys, fromMs, toMs, bytes } of file.chunks(range))
    for (const key of keys) {
      const known = streams.get(key) ?? { file, key, fromMs, toMs, bytes };
      streams.set(key, {
        ...known,
        fromMs: Math.min(known.fromMs, fromMs),
        toMs: Math.max(known.toMs, toMs),
        bytes: Math.max(known.bytes, bytes),
      });
    }
  return [...streams.values()];
}
