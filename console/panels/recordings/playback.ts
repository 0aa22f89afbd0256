/** State and progress of the playback of a recording, as the recordings panel shows them. */
import type { RecordingInfo, RecordingPlayback } from "../../../client/browser.ts";
import { defaultTarget } from "../../../src/recordings/play/targets.ts";
import { countText, spanText } from "../../page/format.ts";
import { may, type Session } from "../../shell/session.ts";
import type { RecordingLook } from "./recording.ts";

/** Speeds that the panel offers; 0 is as fast as possible. */
export const RATES = [0.1, 0.5, 1, 2, 4, 10, 100, 0] as const;

/** Returns a speed as text. */
export const speedText = (rate: number): string => (rate === 0 ? "as fast as possible" : `×${rate}`);

const STATES: Readonly<Record<RecordingPlayback["state"], RecordingLook>> = {
  playing: { look: "good", text: "playing" },
  paused: { look: "warn", text: "paused" },
  finished: { look: "calm", text: "played" },
  stopped: { look: "calm", text: "playing stopped" },
  failed: { look: "bad", text: "playing failed" },
  interrupted: { look: "warn", text: "playing interrupted" },
};

/** Returns the state. A playback that waits, such as for Redis, does not look like one that plays. */
export function playbackLook({ state, error }: RecordingPlayback): RecordingLook {
  return state === "playing" && error !== null ? { look: "warn", text: "playing, waits" } : STATES[state];
}

/** Whether a playback is in progress. */
export const isPlaying = (playback: RecordingPlayback | null): playback is RecordingPlayback =>
  playback !== null && playback.ended === null;

/** Returns how much of its range is played, from 0 to 1. */
export function playedShare({ from, to, position }: RecordingPlayback): number {
  if (from === null || to === null || position === null) return 0;
  const length = Date.parse(to) - Date.parse(from);
  return length === 0 ? 1 : (Date.parse(position) - Date.parse(from)) / length;
}

/** Returns position, unless it is the end, speed and counts. */
export function playbackFacts(playback: RecordingPlayback): readonly string[] {
  const { state, from, to, position, rate, stored, notStored, passes, loop } = playback;
  const spans =
    state === "finished" || from === null || to === null || position === null
      ? []
      : [
          `${spanText(Date.parse(position) - Date.parse(from))} of ${spanText(Date.parse(to) - Date.parse(from))}`,
        ];
  return [
    ...spans,
    speedText(rate),
    `${countText(stored)} stored`,
    ...(notStored > 0 ? [`${countText(notStored)} not stored`] : []),
    ...(loop ? [`pass ${countText(passes + 1)}`] : []),
  ];
}

/** Whether a recording can be played, and the user may write the streams of its replay. */
export function mayPlay(
  recording: Pick<RecordingInfo, "name" | "state" | "entries" | "streams">,
  session: Session | undefined,
): boolean {
  if (recording.state === "recording" || recording.entries === 0) return false;
  const target = defaultTarget(recording);
  const keys = recording.streams.map(target).filter((key) => key !== undefined);
  return keys.length > 0 && keys.every((key) => may(session, "write", key));
}
