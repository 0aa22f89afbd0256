/** Pages of the list of recordings, so that a list of any length is read in bounded steps. */
import type { RecordingStatus } from "../../../recordings/recording-status.ts";
import type { Recording } from "../recording.ts";

/** Recordings of a list, in the order of their names. */
export interface RecordingPage {
  readonly recordings: readonly RecordingStatus[];
  /** Name after which the next page begins; undefined for the last page. */
  readonly next: string | undefined;
}

/** A page ends at the recording that reaches one of these. */
const PAGE_BYTES = 256 * 1024;
const PAGE_RECORDINGS = 100;

/** Returns the page after a name. */
export function pageOf(
  all: ReadonlyMap<string, Recording>,
  after: string,
  statusOf: (recording: Recording) => RecordingStatus,
): RecordingPage {
  const names = [...all.keys()].filter((name) => name > after).sort();
  const recordings: RecordingStatus[] = [];
  let bytes = 0;
  for (const name of names) {
    const recording = all.get(name);
    if (recording === undefined) continue;
    if (bytes >= PAGE_BYTES || recordings.length >= PAGE_RECORDINGS)
      return { recordings, next: recordings.at(-1)?.name };
    bytes += recording.statusBytes;
    recordings.push(statusOf(recording));
  }
  return { recordings, next: undefined };
}

/** Returns the approximate size of recordings in bytes, at most that of a page. */
export function pageBytesOf(all: Iterable<Pick<Recording, "statusBytes">>): number {
  let bytes = 0;
  for (const { statusBytes } of all) {
    bytes += statusBytes;
    if (bytes >= PAGE_BYTES) return PAGE_BYTES;
  }
  return bytes;
}
