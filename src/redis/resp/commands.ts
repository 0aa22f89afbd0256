/** Interfaces for sending commands to one server or to a cluster. */

import { gatewayErrorOf } from "../reply-errors.ts";
import type { Done } from "./command-result.ts";
import type { Reply } from "./reader.ts";
import type { TransactionDone } from "./transaction.ts";
import type { Argument } from "./writer.ts";

/** Sends commands. In a cluster, all keys of a command must be in one slot. */
export interface Commands {
  /** Sends one command; `done` is called exactly once. */
  send(args: readonly Argument[], done: Done): void;
  /** Like `send`, but rejects on an error reply. */
  call(...args: readonly Argument[]): Promise<Reply>;
  /** Sends commands, whose keys must be in one slot, as one transaction; `done` is called exactly once. */
  transact(commands: readonly (readonly Argument[])[], done: TransactionDone): void;
}

/** The whole key space, on one server or several. */
export interface Database extends Commands {
  /** Runs a function on each server that owns keys, and collects the results. */
  onEach<T>(run: (server: Commands) => Promise<T>): Promise<readonly T[]>;
  /**
   * Runs commands in order. On one server they run as one transaction. In a cluster, where their keys have different
   * slots, they run one after the other. An error reply is either returned in place of the command's reply, or thrown.
   */
  inOrder(commands: readonly (readonly Argument[])[]): Promise<readonly Reply[]>;
}

/** Key space of one server. */
export const databaseOver = (connection: Commands): Database => ({
  send: (args, done) => connection.send(args, done),
  call: (...args) => connection.call(...args),
  transact: (commands, done) => connection.transact(commands, done),
  onEach: async (run) => [await run(connection)],
  async inOrder(commands) {
    // All commands are sent in one event-loop turn, so that no other caller's commands land between them.
    const queued = [connection.call("MULTI"), ...commands.map((command) => connection.call(...command))];
    const [replies] = await Promise.all([connection.call("EXEC"), ...queued]);
    return Array.isArray(replies) ? replies : [];
  },
});

/** Checks that a server replies. @throws GatewayError if it does not */
export async function ping(server: Commands): Promise<void> {
  try {
    await server.call("PING");
  } catch (error) {
    const failure = gatewayErrorOf(error as Error);
    // A server that cannot write to its disk rejects even PING, but still serves reads.
    if (failure.code !== "REDIS_FULL") throw failure;
  }
}
