/** What commands go to, be it one server or a cluster of them. */

import type { TransactionDone } from "../read/transaction.ts";
import { refusalOf } from "../reply-errors.ts";
import type { Connection, Done } from "./connection.ts";
import type { Reply } from "./reader.ts";
import type { Argument } from "./writer.ts";

/** Takes commands. A cluster carries out, besides those without a key, only those whose keys are in one slot. */
export interface Commands {
  /** Sends one command; `done` is called exactly once. */
  send(args: readonly Argument[], done: Done): void;
  /** As `send`, with an error reply thrown. */
  call(...args: readonly Argument[]): Promise<Reply>;
  /** Sends commands whose keys are in one slot as one transaction; `done` is called exactly once. */
  transact(commands: readonly (readonly Argument[])[], done: TransactionDone): void;
}

/** All keys that there are, on however many servers. */
export interface Database extends Commands {
  /** Does something at each server that has keys of its own, and collects the answers. */
  onEach<T>(run: (server: Commands) => Promise<T>): Promise<readonly T[]>;
  /**
   * Carries commands out in order: on one server together, so that nobody sees some of them done and others not; in a
   * cluster, where their keys have different slots, one after the other. An error reply stands in its place, or is thrown.
   */
  inOrder(commands: readonly (readonly Argument[])[]): Promise<readonly Reply[]>;
}

/** The keys of one server. */
export const databaseOver = (connection: Connection): Database => ({
  send: connection.send,
  call: connection.call,
  transact: connection.transact,
  onEach: async (run) => [await run(connection)],
  async inOrder(commands) {
    // In one turn, so that nothing of anybody else's comes between them on the connection.
    const queued = [connection.call("MULTI"), ...commands.map((command) => connection.call(...command))];
    const [replies] = await Promise.all([connection.call("EXEC"), ...queued]);
    return Array.isArray(replies) ? replies : [];
  },
});

/** Asks whether a server answers. @throws GatewayError where it does not */
export async function ping(server: Commands): Promise<void> {
  try {
    await server.call("PING");
  } catch (error) {
    const refusal = refusalOf(error as Error);
    // One that cannot write to its disk refuses even this, and answers whoever reads.
    if (refusal.code !== "REDIS_FULL") throw refusal;
  }
}
