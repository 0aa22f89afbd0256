/**
 * Unfinished transaction at the end of Redis' append-only file.
 *
 * If Redis or its machine crashes while it writes a transaction or the changes of a script, the file ends between `MULTI`
 * and `EXEC`. With `aof-load-truncated yes`, the default, Redis then removes only the last incomplete command, and appends
 * later writes behind the open `MULTI`. At its next start it takes them for a part of that transaction and drops all of
 * them, although it acknowledged them. The `EXEC` of any later transaction prevents that, so the gateway writes one as soon
 * as it is connected (docs/decisions/0027-end-unfinished-transactions.md).
 */
import type { Logger } from "../../domain/logger.ts";
import type { Commands } from "../resp/commands.ts";
import { ReplyError } from "../resp/reader.ts";

/** Key that such a transaction creates and deletes. @param tag its hash tag */
export const transactionKey = (tag: string): string => `:transaction:{${tag}}`;

/** Time (ms) between two attempts, such as while a cluster is down. */
const RETRY_MS = 1000;

/**
 * Writes a transaction without an effect. Call it when a connection is ready, for the first time or again.
 *
 * @param tag hash tag of a slot that the server owns; any text if the server is no node of a cluster
 */
export function endUnfinishedTransaction(server: Commands, tag: string, logger: Logger): void {
  const key = transactionKey(tag);
  // Redis writes `MULTI` and `EXEC` to its file only if a transaction makes at least two changes.
  const changes = [
    ["SET", key, ""],
    ["DEL", key],
  ];
  let hasFailed = false;
  const attempt = () => {
    server.transact(changes, (error) => {
      // If the connection was lost, the next one does the same.
      if (!(error instanceof ReplyError)) return;
      if (error.code !== "NOPERM") setTimeout(attempt, RETRY_MS).unref();
      if (hasFailed) return;
      hasFailed = true;
      logger.warn(
        { err: error },
        "cannot write a transaction to Redis: if its append-only file ends in an unfinished transaction, later writes may be lost when it restarts",
      );
    });
  };
  attempt();
}
