/**
 * Playback notices: report the state of a playback. Their structure differs from every list of entries:
 *
 *     {"state": {"status": "playing", "time": 1764337200000, "rate": 2, "seek": 3}}
 */

/** Status of a playback. */
export const PLAYBACK_STATUSES = ["playing", "paused", "buffering", "ended", "live"] as const;

/** State of a playback, as it is encoded and decoded. */
export interface PlaybackNotice {
  /** `buffering`: entries are due that the client cannot take yet, or that are not read yet. */
  readonly status: (typeof PLAYBACK_STATUSES)[number];
  /** Virtual time, in ms since 1970. */
  readonly time: number;
  readonly rate: number;
  /** Number of seeks. Entries before the first notice with this number precede the seek. */
  readonly seek: number;
}

/** Reads a state. @param field reads a field of the value of `state` @returns undefined if it is not one */
export function readPlaybackState(field: (name: string) => unknown): PlaybackNotice | undefined {
  const status = PLAYBACK_STATUSES.find((one) => one === field("status"));
  const [time, rate, seek] = [field("time"), field("rate"), field("seek")];
  return status !== undefined &&
    typeof time === "number" &&
    typeof rate === "number" &&
    typeof seek === "number"
    ? { status, time, rate, seek }
    : undefined;
}
