/** State of the connections as one text. */
import type { Status } from "../../client/browser.ts";
import { clockText } from "../page/format.ts";

/** Text of a state, and its look. */
export interface ConnectionText {
  readonly look: "good" | "calm" | "bad";
  readonly text: string;
}

/** States from the worst to the best. */
const ORDER = [
  "waiting",
  "silent",
  "redis-unavailable",
  "connecting",
  "open",
] as const satisfies readonly Status["state"][];

/** Returns the state that is shown after a change: an attempt to reconnect does not look like a first connection. */
export const shownStatus = (before: Status | undefined, next: Status): Status =>
  next.state === "connecting" && before?.state === "waiting" ? before : next;

/** Describes the worst of several states. @returns undefined if there is no connection */
export function connectionText(statuses: readonly Status[]): ConnectionText | undefined {
  const worst = ORDER.map((state) => statuses.find((one) => one.state === state)).find(
    (one) => one !== undefined,
  );
  switch (worst?.state) {
    case undefined:
      return undefined;
    case "open":
      return { look: "good", text: "connected" };
    case "connecting":
      return { look: "calm", text: "connecting" };
    case "redis-unavailable":
      return { look: "bad", text: `Redis unavailable since ${clockText(worst.since)}` };
    case "silent":
      return { look: "bad", text: `no response since ${clockText(worst.since)}` };
    case "waiting":
      return { look: "bad", text: "gateway unreachable, reconnecting" };
  }
}
