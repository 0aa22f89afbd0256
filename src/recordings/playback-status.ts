/** Request, state and progress of a playback: a recording whose entries the gateway stores again. */

/** Request of a client. */
export interface PlaybackRequest {
  /** Names and patterns of the streams to play; with a colon, `device:stream`. */
  readonly streams: readonly string[];
  readonly exclude: readonly string[];
  /** Device to store the streams under; empty for their own; undefined for one that the recording names. */
  readonly device: string | undefined;
  /** Speed; 0 is as fast as possible. */
  readonly rate: number;
  /** Range in ms since 1970, both included; undefined for the whole recording. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly loop: boolean;
  /** Key under which each entry is stored once. */
  readonly dedupe: string | undefined;
}

/** State of a playback. `interrupted`: its gateway ended. */
export type PlaybackState = "playing" | "paused" | "finished" | "stopped" | "failed" | "interrupted";

/** Changes of a playback. */
export type PlaybackChange = "pause" | "continue" | "stop";

/** Status of a playback. */
export interface PlaybackStatus {
  readonly state: PlaybackState;
  /** Reason of a failure or an interruption; while it is playing, of a wait. */
  readonly error: string | null;
  /** Times of the playback, ISO 8601. */
  readonly started: string;
  readonly ended: string | null;
  readonly rate: number;
  readonly loop: boolean;
  /** Range and position, as times of the recording. */
  readonly from: string | null;
  readonly to: string | null;
  readonly position: string | null;
  /** Keys of the streams that the entries are stored in, by recorded key. */
  readonly streams: Readonly<Record<string, string>>;
  /** Entries that are stored, and the size of their payloads. */
  readonly stored: number;
  readonly bytes: number;
  /** Entries that were due when it ended, and are not known to be stored. */
  readonly notStored: number;
  /** Completed passes, more than one with `loop`. */
  readonly passes: number;
  readonly dedupe: string | null;
  /** Name of the identity that started it. */
  readonly owner: string;
}

/** Whether a playback is in progress. */
const isInProgress = ({ state }: PlaybackStatus): boolean => state === "playing" || state === "paused";

/** Returns the status of a playback whose gateway was killed. */
export const interrupted = (status: PlaybackStatus): PlaybackStatus =>
  isInProgress(status) ? { ...status, state: "interrupted", error: "the gateway ended" } : status;
