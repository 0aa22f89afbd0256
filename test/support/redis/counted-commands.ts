/** Commands that count those in flight, so that a test can wait until all are answered. */
import type { Done } from "../../../src/redis/resp/command-result.ts";
import type { Commands } from "../../../src/redis/resp/commands.ts";
import type { Reply } from "../../../src/redis/resp/reader.ts";
import type { TransactionDone } from "../../../src/redis/resp/transaction.ts";
import type { Argument } from "../../../src/redis/resp/writer.ts";

/** Passes commands on. */
export class CountedCommands implements Commands {
  readonly #commands: Commands;
  #inFlight = 0;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** Number of commands without a reply. */
  get inFlight(): number {
    return this.#inFlight;
  }

  send(args: readonly Argument[], done: Done): void {
    this.#inFlight++;
    this.#commands.send(args, (...result) => {
      this.#inFlight--;
      done(...result);
    });
  }

  async call(...args: readonly Argument[]): Promise<Reply> {
    this.#inFlight++;
    try {
      return await this.#commands.call(...args);
    } finally {
      this.#inFlight--;
    }
  }

  transact(commands: readonly (readonly Argument[])[], done: TransactionDone): void {
    this.#inFlight++;
    this.#commands.transact(commands, (...result) => {
      this.#inFlight--;
      done(...result);
    });
  }
}
