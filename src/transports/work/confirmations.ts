/** Answers to the messages of a worker, in the order of the messages: by it, a worker knows which message is answered. */
import { createFifo } from "../../domain/fifo.ts";
import type { Outcome } from "../../redis/groups/consumer-options.ts";
import type { WorkAction } from "./settlement.ts";

/** Outcomes of a message, by action. */
export type Outcomes = ReadonlyMap<WorkAction, Outcome>;

interface Waiting {
  outcomes: Outcomes | undefined;
}

/** Puts the answers in order. Messages are settled at the same time, and may be done in another order. */
export class Confirmations {
  readonly #confirm: (outcomes: Outcomes) => void;
  readonly #waiting = createFifo<Waiting>();

  /** @param confirm sends an answer */
  constructor(confirm: (outcomes: Outcomes) => void) {
    this.#confirm = confirm;
  }

  /** Call when a message has arrived. @returns a function to call once it is settled */
  begin(): (outcomes: Outcomes) => void {
    const own: Waiting = { outcomes: undefined };
    this.#waiting.add(own);
    return (outcomes) => {
      own.outcomes = outcomes;
      this.#confirmSettled();
    };
  }

  #confirmSettled(): void {
    for (let outcomes = this.#waiting.oldest?.outcomes; outcomes; outcomes = this.#waiting.oldest?.outcomes) {
      this.#waiting.take();
      this.#confirm(outcomes);
    }
  }
}
