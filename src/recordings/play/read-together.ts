/** Reads several files of a recording as one: their entries in the order of their ids. */
import type { RecordedEntry, RecordingRange, RecordingReader } from "../files/read-recording.ts";
import { type MergeSource, mergeById } from "./merge.ts";

/** The part of a reader that is needed. */
export type ReadFile = Pick<RecordingReader, "hasExactTimes" | "span" | "read">;

/** Yields the entries of a range of all files. */
export const readTogether = (
  readers: readonly ReadFile[],
  range: RecordingRange,
): AsyncGenerator<RecordedEntry, void, undefined> =>
  mergeById(
    readers.map(
      (reader): MergeSource<RecordedEntry> => ({
        startMs: reader.hasExactTimes ? reader.span?.fromMs : undefined,
        open: () => reader.read(range),
      }),
    ),
    ({ entry }) => entry.id,
  );
