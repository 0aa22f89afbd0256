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
  /** Whether the gateway or its Redis does not respond to other requests. */
  readonly isUnavailable: boolean;
  /** Time of the displayed entry, Unix ms; undefined if there is none. */
  readonly shownMs: number | undefined;
  readonly nowMs: number;
}

/** A live stream without entries for longer than this is named quiet, ms. */
const QUIET_MS = 5000;
/** While the gateway does not respond, a live stream without entries for longer than this waits, ms. */
const WAITING_MS = 2000;
const WAITING: PaneStatus = { look: "bad", text: "waiting" };

/** Returns the status. */
export function paneStatus({ mode, isStalled, isUnavailable, shownMs, nowMs }: PaneState): PaneStatus {
  if (isStalled) return WAITING;
  if (mode !== "live") return { look: "warn", text: MODE_TEXTS[mode] };
  const quietMs = nowMs - (shownMs ?? 0);
  // Entries may still arrive while another request waits.
  if (isUnavailable && quietMs > WAITING_MS) return WAITING;
  if (shownMs === undefined) return { look: "calm", text: "no entry yet" };
  if (quietMs > QUIET_MS) return { look: "calm", text: `no data for ${spanText(quietMs)}` };
  return { look: "good", text: "live" };
}

/** Returns the status of the time bar, which is that of the newest entry of all panes. */
export function clockStatus(state: Omit<PaneState, "isStalled">): PaneStatus {
  const isWaiting = state.mode === "live" && state.isUnavailable;
  return isWaiting ? WAITING : paneStatus({ ...state, isStalled: false });
}
