/** State of a pane in time. Only a live pane looks live. */
import { spanText } from "../page/format.ts";
import { type ClockMode, MODE_TEXTS } from "../time/clock.ts";

/** Look of the status. */
export type Look = "good" | "warn" | "bad" | "calm";

/** Status of a pane. */
export interface PaneStatus {
  readonly look: Look;
  readonly text: string;
}

/** State of a pane, from which its status follows. */
export interface PaneState {
  readonly mode: ClockMode;
  /** Whether entries cannot arrive. */
  readonly isStalled: boolean;
  /** Time of the displayed entry, Unix ms; undefined if there is none. */
  readonly shownMs: number | undefined;
  readonly nowMs: number;
}

/** A live stream without entries for longer than this is named quiet, ms. */
const QUIET_MS = 5000;

/** Returns the status. */
export function paneStatus({ mode, isStalled, shownMs, nowMs }: PaneState): PaneStatus {
  if (isStalled) return { look: "bad", text: "waiting" };
  if (mode !== "live") return { look: "warn", text: MODE_TEXTS[mode] };
  if (shownMs === undefined) return { look: "calm", text: "no entry yet" };
  const quietMs = nowMs - shownMs;
  if (quietMs > QUIET_MS) return { look: "calm", text: `no data for ${spanText(quietMs)}` };
  return { look: "good", text: "live" };
}
