/**
 * Turns of the event loop in which the changes of one viewer are sent. Thousands of streams may change at once for all
 * viewers, so each viewer sends one message in a turn and then waits for the others.
 */
import type { FairTurns, TaskOwner } from "../../domain/scheduling/fair-turns.ts";
import type { TurnEnd } from "../response/byte-sink.ts";

/** Parts of the turns. */
export interface ChangeTurnsOptions {
  readonly owner: TaskOwner;
  readonly turns: FairTurns;
  readonly turnEnd: TurnEnd;
  /** Sends some changes. @returns whether there are more that can be sent now */
  readonly send: () => boolean;
  /** Receives what `send` throws. */
  readonly onError: (error: unknown) => void;
}

/** Schedules the changes. */
export class ChangeTurns {
  readonly #options: ChangeTurnsOptions;
  /** Whether changes are sent at the end of this turn, or wait for their turn. */
  #isDue = false;
  #isWaiting = false;
  #isClosed = false;

  constructor(options: ChangeTurnsOptions) {
    this.#options = options;
  }

  /** Sends the changes of this turn together, at its end. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const { turnEnd, onError } = this.#options;
    turnEnd.add(() => {
      this.#isDue = false;
      this.now();
    }, onError);
  }

  /** Sends the changes now, or in the next turns. */
  now(): void {
    if (this.#isClosed || this.#isWaiting) return;
    this.#isWaiting = true;
    const { turns, owner } = this.#options;
    turns.run(owner, this.#send);
  }

  close(): void {
    this.#isClosed = true;
  }

  readonly #send = (): void => {
    this.#isWaiting = false;
    if (this.#isClosed) return;
    const { turns, owner, send, onError } = this.#options;
    try {
      if (!send() || this.#isClosed) return;
    } catch (error) {
      onError(error);
      return;
    }
    this.#isWaiting = true;
    turns.defer(owner, this.#send);
  };
}
