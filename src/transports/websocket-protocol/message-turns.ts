/**
 * Turns of the messages of one WebSocket. A chunk of the socket can contain thousands of messages, each with an operation,
 * and a message can name thousands of entries. One of them is handled in a turn of the event loop; meanwhile the socket is
 * not read.
 */
import type { FairTurns, TaskOwner } from "../../domain/scheduling/fair-turns.ts";
import type { TurnEnd } from "../response/byte-sink.ts";
import type { Pausable } from "./pause-reasons.ts";

/** Parts of the turns. */
export interface MessageTurnsOptions<Message> {
  readonly owner: TaskOwner;
  readonly turns: FairTurns;
  readonly turnEnd: TurnEnd;
  /** Pauses and resumes reading. */
  readonly reading: Pausable;
  readonly deliver: (message: Message) => void;
}

/** Delivers messages, as text or parsed, in order. */
export class MessageTurns<Message = string> {
  readonly #options: MessageTurnsOptions<Message>;
  #waiting = 0;
  /** Whether a message was delivered in this turn of the event loop. */
  #hadTurn = false;

  constructor(options: MessageTurnsOptions<Message>) {
    this.#options = options;
  }

  /** Whether messages wait for their turn, so that later ones must, too. */
  get hasWaiting(): boolean {
    return this.#waiting > 0;
  }

  /** Delivers a message now or in a later turn. */
  add(message: Message): void {
    const { owner, turns, turnEnd, reading, deliver } = this.#options;
    const task = () => {
      if (--this.#waiting === 0) reading.resume();
      deliver(message);
    };
    this.#waiting++;
    if (this.#waiting > 1 || this.#hadTurn) turns.defer(owner, task);
    else {
      this.#hadTurn = true;
      turnEnd.add(() => {
        this.#hadTurn = false;
      });
      turns.run(owner, task);
    }
    if (this.#waiting > 0) reading.pause();
  }
}
