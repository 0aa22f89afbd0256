/** What a command says about its connection: once when it is lost, once when it is back. */
import type { Status } from "../client/index.ts";
import type { Io } from "./io.ts";

/** Follows a connection. */
export interface Notices {
  readonly open: boolean;
  readonly onStatus: (status: Status) => void;
}

/** Makes notices about the connection to a gateway. @param url as the user wrote it */
export function createNotices({ terminal, signal }: Io, url: string): Notices {
  let open = false;
  let wasOpen = false;
  let told = false;
  /** Whether the last note says that an answer is missing. */
  let stalled = false;
  return {
    get open() {
      return open;
    },
    onStatus(status) {
      if (signal.aborted) return;
      if (status.state === "redis-unavailable" || status.state === "silent") {
        const who = status.state === "silent" ? `the gateway at ${url}` : "the gateway's Redis";
        terminal.note(`${who} has not answered since ${clockText(status.since)}; waiting until it does`);
        stalled = true;
        return;
      }
      if (status.state === "open" && stalled) terminal.note("it answers again");
      stalled = false;
      open = status.state === "open";
      if (status.state === "waiting" && !told && !signal.aborted) {
        told = true;
        const what = wasOpen ? `lost the gateway at ${url}` : `cannot reach the gateway at ${url}`;
        terminal.note(`${what} (${status.error.message}); trying again until it answers, Ctrl-C to stop`);
      }
      if (open && told) terminal.note(`connected to ${url}`);
      if (open) {
        told = false;
        wasOpen = true;
      }
    },
  };
}

/** The time of day, `13:35:02`. */
const clockText = (time: Date): string => time.toTimeString().slice(0, 8);
