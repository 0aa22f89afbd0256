/**
 * Pressure of new connections. The event loop accepts one connection of a listening socket in a turn (libuv 1.45 and
 * later). If turns are long because of other work, new connections wait in the kernel, and behind a burst of them a client
 * would wait for seconds before it is even seen. So work that can wait is skipped in turns that accept a connection, but only
 * briefly: otherwise the clients that are connected would wait as long.
 */

/** Number of turns after which work is done although connections arrive. */
const MAX_SKIPPED = 16;
/** Time (ms) after which it is done. Turns are long if sockets receive much. */
const MAX_SKIPPED_MS = 30;

/** Tracks the turns that accept connections. */
export class AcceptPressure {
  readonly #now: () => number;
  #isAccepting = false;
  #isSkipping = false;
  /** Number of turns that accepted a connection since one of them did work. */
  #turns = 0;
  /** Time at which the first of these turns began. */
  #skippedFrom = 0;

  /** @param now clock in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Reports that this turn of the event loop accepts a connection. Is a listener. */
  readonly noteAccepted = (): void => {
    if (this.#isAccepting) return;
    this.#isAccepting = true;
    const now = this.#now();
    if (++this.#turns === 1) this.#skippedFrom = now;
    this.#isSkipping = this.#turns <= MAX_SKIPPED && now - this.#skippedFrom < MAX_SKIPPED_MS;
    setImmediate(this.#endTurn);
  };

  /** Whether work that can wait should be left to a later turn. */
  shouldYield(): boolean {
    return this.#isAccepting && this.#isSkipping;
  }

  readonly #endTurn = (): void => {
    this.#isAccepting = false;
    if (!this.#isSkipping) this.#turns = 0;
  };
}
