/** Size of the status of a recording as JSON, without building it. */
import type { RecordingStatus } from "../../../recordings/recording-status.ts";
import { nameBytes } from "../names-bytes.ts";

/** Approximate bytes of a status, of a file and of a gap in it, without names. */
const STATUS_BYTES = 2000;
const FILE_BYTES = 300;
const GAP_BYTES = 150;

/** Returns the approximate size of a status without its request and the names of its streams. */
export function changingBytesOf({
  files,
  newestGaps,
  playback,
}: Pick<RecordingStatus, "files" | "newestGaps" | "playback">): number {
  let bytes = STATUS_BYTES + files.length * FILE_BYTES;
  for (const { stream } of newestGaps) bytes += nameBytes(stream) + GAP_BYTES;
  for (const [key, target] of Object.entries(playback?.streams ?? {}))
    bytes += nameBytes(key) + nameBytes(target);
  return bytes;
}

/** Returns the approximate size of a whole status. */
export const statusBytesOf = (status: RecordingStatus): number =>
  status.streams.reduce((sum, key) => sum + nameBytes(key), 0) +
  JSON.stringify(status.request).length +
  changingBytesOf(status);
