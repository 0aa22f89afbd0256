/**
 * Pressure of new connections. The event loop accepts one connection of a listening socket in a turn (libuv 1.45 and
 * later). If turns are long because of other work, new connections wait in the kernel, and behind a burst of them a client
 * would wait for seconds before it is even seen. So work that can wait is skipped in turns that accept a connection.
 */

/** Number of turns after which work is done although connections arrive. */
const MOST_SKIPPED = 16;

/** Tracks the turns that accept connections. */
export class AcceptPressure {
  #isAccepting = false;
  /** Number of turns that accepted a connection since one of them did work. */
  #turns = 0;

  /** Reports that this turn of the event loop accepts a connection. Is a listener. */
  readonly noteAccepted = (): void => {
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    this.#turns++;
    setImmediate(this.#endTurn);
  };

  /** Whether work that can wait should be left to a later turn. */
  shouldYield(): boolean {
    return this.#isAccepting && this.#turns <= MOST_SKIPPED;
  }

  readonly #endTurn = (): void => {
    this.#isAccepting = false;
    if (this.#turns > MOST_SKIPPED) this.#turns = 0;
  };
}
