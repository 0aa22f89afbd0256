/** Detects that a connection now reaches another server, which may lack the last entries of the previous one. */
import type { Connection } from "../connection.ts";

/** Compares servers by their run id, which is unique per process start. */
export interface ServerIdentity {
  /** Requests the run id. Call it when the connection is ready, before anything that depends on the answer is sent. */
  check(): void;
}

/**
 * Follows the server of a connection. A server that does not report a run id counts as the same one.
 *
 * @param onChanged called before the replies to later commands
 */
export function followServer(connection: () => Connection, onChanged: () => void): ServerIdentity {
  let runId: string | undefined;
  return {
    check() {
      connection().send(["INFO", "server"], (error, info) => {
        const now = error === undefined ? /^run_id:(\w+)/m.exec(String(info))?.[1] : undefined;
        if (now === undefined || now === runId) return;
        const isOther = runId !== undefined;
        runId = now;
        if (isOther) onChanged();
      });
    },
  };
}
