/** A recording as the list shows it: with a bounded number of names. `GET /recordings/{name}` has all of them. */
import type { RecordingStatus } from "../../../recordings/recording-status.ts";
import { nameBytes } from "../names-bytes.ts";

/** Size as JSON up to which the list has the names of the streams of a recording, of its gaps, and of its playback. */
const LISTED_NAMES_BYTES = 16 * 1024;

/** Returns a status with the first streams, the newest gaps, and the first streams of the playback. */
export function shortened(status: RecordingStatus): RecordingStatus {
  const { streams, newestGaps, playback } = status;
  const gaps = fitting([...newestGaps].reverse(), ({ stream }) => nameBytes(stream));
  return {
    ...status,
    streams: fitting(streams, nameBytes),
    newestGaps: [...gaps].reverse(),
    playback: playback && {
      ...playback,
      streams: Object.fromEntries(
        fitting(Object.entries(playback.streams), ([key, target]) => nameBytes(key) + nameBytes(target)),
      ),
    },
  };
}

/** Returns the first items whose size fits. */
function fitting<T>(all: readonly T[], bytesOf: (one: T) => number): readonly T[] {
  let bytes = 0;
  const end = all.findIndex((one) => {
    bytes += bytesOf(one);
    return bytes > LISTED_NAMES_BYTES;
  });
  return end < 0 ? all : all.slice(0, end);
}
