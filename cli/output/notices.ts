/** Connection notices on standard error: one when the connection is lost, one when it is restored. */
import type { Status } from "../../client/index.ts";
import type { Io } from "./io.ts";

/** Prints notices for the status changes of a connection. */
export interface Notices {
  readonly open: boolean;
  readonly onStatus: (status: Status) => void;
}

/** Creates notices for the connection to a gateway. @param url as the user typed it */
export function createNotices({ terminal, signal }: Io, url: string): Notices {
  let open = false;
  let wasOpen = false;
  let hasReportedLoss = false;
  /** Whether the last notice reports a stall. */
  let stalled = false;
  return {
    get open() {
      return open;
    },
    onStatus(status) {
      if (signal.aborted) return;
      if (status.state === "redis-unavailable" || status.state === "silent") {
        const who = status.state === "silent" ? `the gateway at ${url}` : "the gateway's Redis";
        terminal.note(`${who} has not responded since ${clockText(status.since)}; waiting`);
        stalled = true;
        return;
      }
      if (status.state === "open" && stalled) terminal.note("responding again");
      stalled = false;
      open = status.state === "open";
      if (status.state === "waiting" && !hasReportedLoss && !signal.aborted) {
        hasReportedLoss = true;
        const what = wasOpen ? `lost the connection to ${url}` : `cannot connect to ${url}`;
        terminal.note(`${what} (${status.error.message}); retrying, Ctrl-C stops`);
      }
      if (open && hasReportedLoss) terminal.note(`connected to ${url}`);
      if (open) {
        hasReportedLoss = false;
        wasOpen = true;
      }
    },
  };
}

/** Formats the local time of day, `13:35:02`. */
const clockText = (time: Date): string => time.toTimeString().slice(0, 8);
