/**
 * Unfinished transaction at the end of Redis' append-only file.
 *
 * If Redis or its machine crashes while it writes a transaction or the changes of a script, the file ends between `MULTI`
 * and `EXEC`. With `aof-load-truncated yes`, the default, Redis then removes only the last incomplete command, and appends
 * later writes after the open `MULTI`. At its next start it treats them as part of that transaction and drops all of them,
 * although it acknowledged them. The `EXEC` of any later transaction prevents that, so the gateway writes one as soon as it
 * is connected (docs/decisions/0027-end-unfinished-transactions.md).
 */
import type { Logger } from "../../domain/logger.ts";
import type { Commands } from "../resp/commands.ts";
import { ReplyError } from "../resp/reader.ts";

/** Key that such a transaction creates and deletes. @param tag its hash tag */
export const transactionKey = (tag: string): string => `:transaction:{${tag}}`;

/** Error codes of Redis that end without a new connection, such as while a cluster is down or the disk is full. */
const TRANSIENT: ReadonlySet<string> = new Set([
  ...["CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "ASK", "MOVED"],
  ...["LOADING", "BUSY", "READONLY", "NOREPLICAS", "OOM", "MISCONF"],
]);
/** Time (ms) between two attempts. */
const RETRY_MS = 1000;
/** Failed attempts before a warning is logged. A cluster that starts needs a few seconds. */
const FAILURES_LOGGED = 10;

/** Ends the unfinished transaction of one server. */
export class TransactionEnder {
  readonly #tag: () => string | undefined;
  readonly #logger: Logger;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;

  /** @param tag returns a hash tag of a slot that the server owns; undefined if it owns none. Any text outside of a cluster */
  constructor(tag: () => string | undefined, logger: Logger) {
    this.#tag = tag;
    this.#logger = logger;
  }

  /** Writes a transaction without an effect. Call it when the connection is ready, for the first time or again. */
  onReady(server: Commands): void {
    clearTimeout(this.#retry);
    this.#failures = 0;
    this.#attempt(server);
  }

  #attempt(server: Commands): void {
    const tag = this.#tag();
    if (tag === undefined) return;
    const key = transactionKey(tag);
    // Redis writes `MULTI` and `EXEC` to its file only if a transaction makes at least two changes.
    const changes = [
      ["SET", key, ""],
      ["DEL", key],
    ];
    server.transact(changes, (error) => {
      // If the connection was lost, `onReady` is called again.
      if (!(error instanceof ReplyError)) return;
      const isTransient = TRANSIENT.has(error.code);
      this.#failures++;
      if (!isTransient || this.#failures === FAILURES_LOGGED)
        this.#logger.warn(
          { err: error },
          "cannot write a transaction to Redis: if its append-only file ends in an unfinished transaction, later writes may be lost when it restarts",
        );
      if (!isTransient) return;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#attempt(server), RETRY_MS).unref();
    });
  }
}
