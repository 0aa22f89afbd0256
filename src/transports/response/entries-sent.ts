/** Metrics of the entries that responses contain. */
import { bytesOf, type Entry } from "../../domain/streams/entry.ts";
import type { StreamClasses } from "../../observe/stream-classes.ts";

/** Counts entries that a response sends to a client. */
export function countOut(streamClasses: StreamClasses, key: string, entries: readonly Entry[]): void {
  const counts = streamClasses.of(key);
  counts.entriesOut += entries.length;
  counts.bytesOut += bytesOf(entries);
}
