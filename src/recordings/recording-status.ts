/** Request, state and progress of a recording. The same in memory, in the file beside a recording, and in responses. */
import type { Gap } from "../domain/streams/entry.ts";
import type { CompressionName } from "./compression.ts";
import type { PlaybackStatus } from "./playback-status.ts";

/** Gaps that a status shows: the newest ones. The file has all. */
export const MAX_GAPS = 100;

/** Request of a client. */
export interface RecordingRequest {
  /** Stream ids and patterns, as in a path. */
  readonly streams: readonly string[];
  readonly exclude: readonly string[];
  /** Undefined for the default device. */
  readonly device: string | undefined;
  readonly prefix: string;
  /** Cursors to start at, as in `last_entry_id`. */
  readonly from: string;
  /** Size of all files at which the recording stops; undefined without a limit. */
  readonly maxBytes: number | undefined;
  /** Time in seconds after which the recording stops. */
  readonly maxSeconds: number | undefined;
  readonly compression: CompressionName;
  /** Texts by key, which each file has as a metadata record. Absent in records of earlier versions. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** State of a recording. A recording remains `recording` while its gateway is down. */
export type RecordingState = "recording" | "stopped" | "failed";

/** Why a recording stopped: by a request, or because it reached its limit. */
export type StopReason = "request" | "maxBytes" | "maxSeconds";

/** State of a file. `interrupted`: its gateway was killed, and the next one completed it. `damaged`: it cannot be completed. */
export type FileState = "recording" | "finished" | "interrupted" | "damaged";

/** Content of a file, or of all files of a recording. */
interface Recorded {
  readonly bytes: number;
  readonly entries: number;
  /** Times of the first and the last entry, ISO 8601; null without entries. */
  readonly from: string | null;
  readonly to: string | null;
  /** Number of gaps: ranges of ids in which entries may be missing. */
  readonly gaps: number;
}

/** One file of a recording. */
export interface FileStatus extends Recorded {
  /** Name in `RECORDINGS_DIR`. */
  readonly file: string;
  readonly state: FileState;
}

/** Status of a recording. */
export interface RecordingStatus extends Recorded {
  readonly name: string;
  readonly state: RecordingState;
  readonly reason: StopReason | null;
  /** Why it failed, or why it waits. */
  readonly error: string | null;
  /** It reads stored entries slowly, because the gateway serves clients. */
  readonly slowed: boolean;
  /** ISO 8601. */
  readonly started: string;
  readonly ended: string | null;
  /** Keys of the streams that are recorded. */
  readonly streams: readonly string[];
  /** Number of these streams: the list has only the first names. */
  readonly streamsTotal: number;
  readonly newestGaps: readonly Gap[];
  readonly files: readonly FileStatus[];
  readonly request: RecordingRequest;
  /** Name of the identity that started it. */
  readonly owner: string;
  /** The present playback, or the last one. */
  readonly playback: PlaybackStatus | null;
}
