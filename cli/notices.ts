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
  return {
    get open() {
      return open;
    },
    onStatus(status) {
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
