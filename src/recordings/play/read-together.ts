/**
 * Reads several files of a recording as one: their entries in the order of their ids.
 *
 * A file is read in the order of its times, with all chunks that share a moment in memory. If a recording began with stored entries,
 * its streams are far apart in the file: it caught up with each at its own speed. Its streams are then read one beside the other,
 * each with one chunk in memory, or, if these are too many, with a part of one.
 */
import { CACHED_CHUNK_BYTES } from "../files/chunk-cache.ts";
import type { RecordedEntry, RecordingRange, RecordingReader } from "../files/read-recording.ts";
import { maxBytesAtOnce } from "./max-at-once.ts";
import { type MergeSource, mergeById } from "./merge.ts";

/** The part of a reader that is needed. */
export type ReadFile = Pick<
  RecordingReader,
  "hasExactTimes" | "memory" | "span" | "read" | "readStream" | "chunks" | "largestEntries"
>;

/** Reading of a range of several files. */
export interface Reading {
  readonly sources: readonly MergeSource<RecordedEntry>[];
  /** Maximum number of bytes of chunks and windows in memory, also of a part of the range that is read with this limit. */
  readonly bytes: number;
}

/** Memory up to which files are read in the order of their times, which reads each chunk once. */
const MAX_TOGETHER_BYTES = 64 * 1024 * 1024;
/** Number of bytes of chunks above which windows are read. The gateway plays nothing that needs more than this. */
export const MAX_CHUNK_BYTES = 256 * 1024 * 1024;
/** Minimum size of a window. With smaller ones, a chunk would be read very often. */
const MIN_WINDOW_BYTES = 128 * 1024;
/** Size of all windows together, if large entries leave it. */
const WINDOWS_BYTES = 96 * 1024 * 1024;

/**
 * Returns the reading of a range: in the order of times, or the one that needs less memory.
 *
 * @param maxBytes memory above which windows are read. They exceed it if the largest entries of all streams do
 * @throws Error if a file is damaged
 */
export async function planReading(
  files: readonly ReadFile[],
  range: RecordingRange,
  maxBytes = MAX_CHUNK_BYTES,
): Promise<Reading> {
  const chunks = files.flatMap((file) => file.chunks(range));
  const bytes = maxBytesAtOnce(chunks);
  const together: Reading = {
    sources: files.map((file) => ({ startMs: startOf(file), open: () => file.read(range) })),
    bytes,
  };
  // In files of other programs, the entries of a stream may have any order.
  if (bytes <= MAX_TOGETHER_BYTES || !files.every(({ hasExactTimes }) => hasExactTimes)) return together;
  const streams = files.flatMap((file) => streamsOf(file, range));
  // A larger chunk is the only one that is kept.
  const keptBytes = chunks.reduce((max, chunk) => Math.max(max, chunk.bytes), CACHED_CHUNK_BYTES);
  const cachedBytes = new Set(files.map(({ memory }) => memory)).size * keptBytes;
  const apart = maxBytesAtOnce(streams) + cachedBytes;
  if (Math.min(apart, bytes) > maxBytes) {
    const windows = await planWindows(streams, range, maxBytes - cachedBytes);
    const needed = Math.max(windows.bytes + cachedBytes, MAX_TOGETHER_BYTES);
    if (needed < Math.min(apart, bytes)) return { ...windows, bytes: needed };
  }
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

/**
 * Returns the reading in windows. A window has at most its size and one entry, so the largest entry of each stream is counted besides
 * it.
 */
async function planWindows(
  streams: readonly FileStream[],
  range: RecordingRange,
  maxBytes: number,
): Promise<Reading> {
  const largest = new Map<ReadFile, ReadonlyMap<string, number>>();
  for (const { file } of streams) if (!largest.has(file)) largest.set(file, await file.largestEntries(range));
  const count = maxBytesAtOnce(streams.map((stream) => ({ ...stream, bytes: 1 })));
  const entryBytes = maxBytesAtOnce(
    streams.map((stream) => ({ ...stream, bytes: largest.get(stream.file)?.get(stream.key) ?? 0 })),
  );
  const left = Math.min(maxBytes - entryBytes, WINDOWS_BYTES);
  const windowBytes = Math.max(MIN_WINDOW_BYTES, Math.floor(left / count));
  return {
    sources: streams.map(({ file, key, fromMs }) => ({
      startMs: fromMs,
      open: () => file.readStream(key, range, windowBytes),
    })),
    bytes: count * windowBytes + entryBytes,
  };
}

/** Yields the entries of a range of all files. @param maxBytes as for `planReading` */
export async function* readTogether(
  files: readonly ReadFile[],
  range: RecordingRange,
  maxBytes = MAX_CHUNK_BYTES,
): AsyncGenerator<RecordedEntry, void, undefined> {
  const { sources } = await planReading(files, range, maxBytes);
  yield* mergeById(sources, ({ entry }) => entry.id);
}

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
