/** State, duration and counts of a recording, as the recordings panel shows them. */
import type { RecordingInfo } from "../../../client/browser.ts";
import { bytesText, countText, spanText } from "../../page/format.ts";
import type { Look } from "../../workspace/pane-status.ts";

/** State of a recording as it is shown. */
export interface RecordingLook {
  readonly look: Look;
  readonly text: string;
}

const REASONS: Readonly<Record<NonNullable<RecordingInfo["reason"]>, string>> = {
  request: "stopped",
  maxBytes: "stopped at its size",
  maxSeconds: "stopped at its time",
};

/** Returns the state. A recording that waits, such as for Redis, does not look like one that records. */
export function recordingLook({ state, reason, error }: RecordingInfo): RecordingLook {
  if (state === "failed") return { look: "bad", text: "failed" };
  if (state === "stopped") return { look: "calm", text: reason === null ? "stopped" : REASONS[reason] };
  return error === null
    ? { look: "good", text: "recording" }
    : { look: "warn", text: "recording, with a problem" };
}

/** Returns its duration, size, and number of entries, streams and gaps, and whether it yields to clients. */
export function recordingFacts(recording: RecordingInfo, nowMs: number): readonly string[] {
  const { started, ended, entries, bytes, streamsTotal, gaps, slowed } = recording;
  const endMs = ended === null ? nowMs : Date.parse(ended);
  return [
    spanText(endMs - Date.parse(started)),
    counted(entries, "entry", "entries"),
    bytesText(bytes),
    counted(streamsTotal, "stream", "streams"),
    ...(gaps > 0 ? [counted(gaps, "gap", "gaps")] : []),
    ...(slowed ? ["slowed, because the gateway serves clients"] : []),
  ];
}

const counted = (count: number, one: string, many: string): string =>
  `${countText(count)} ${count === 1 ? one : many}`;

/** Orders recordings: the newest first. */
export const newestFirst = (recordings: readonly RecordingInfo[]): readonly RecordingInfo[] =>
  [...recordings].sort((a, b) => b.started.localeCompare(a.started));
