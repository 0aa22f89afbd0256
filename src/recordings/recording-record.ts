/** The file beside a recording, `{name}.json`. From it, a gateway lists the recording, and continues it after a restart. */
import { isObject } from "../domain/is-object.ts";
import type { EntryId } from "../domain/streams/entry-id.ts";
import type { PlaybackStatus } from "./playback-status.ts";
import type { RecordingStatus } from "./recording-status.ts";

/** Identity of the client that started a recording, with the permissions that it had then. The recording keeps them. */
export interface RecordingOwner {
  readonly name: string;
  readonly grants: readonly { readonly action: string; readonly pattern: string }[];
}

/** Contents of the file. */
export interface RecordingRecord
  extends Pick<
    RecordingStatus,
    "name" | "state" | "reason" | "error" | "started" | "ended" | "request" | "files"
  > {
  readonly version: 1;
  readonly owner: RecordingOwner;
  /** Cursors of the streams that existed at the start. Others are recorded from their first entry. */
  readonly startCursors: Readonly<Record<string, EntryId>>;
  /** Keys of the streams of the files that are complete. */
  readonly streams: readonly string[];
  /** Status of the last playback. Absent if the recording was not played. */
  readonly playback?: PlaybackStatus;
}

/** Parses the contents of the file. @throws Error if they are not valid */
export function parseRecord(text: string): RecordingRecord {
  const value: unknown = JSON.parse(text);
  const isValid =
    isObject(value) &&
    value.version === 1 &&
    typeof value.name === "string" &&
    isObject(value.request) &&
    isObject(value.owner) &&
    isObject(value.startCursors) &&
    Array.isArray(value.streams) &&
    Array.isArray(value.files);
  if (!isValid) throw new Error("the file does not describe a recording");
  return value as unknown as RecordingRecord;
}
