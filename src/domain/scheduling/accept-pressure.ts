/**
 * Pressure of new connections. The event loop accepts one connection of a listening socket in a turn (libuv 1.45 and
 * later). If turns are long because of other work, new connections wait in the kernel, and behind a burst of them a client
 * would wait for seconds before it is even seen. So work that can wait is skipped in turns that accept a connection.
 */

/** Number of turns after which work is done although connections arrive. */
const MOST_SKIPPED = 16;

let isAccepting = false;
/** Number of turns that accepted a connection since one of them did work. */
let turns = 0;

function endTurn(): void {
  isAccepting = false;
  if (turns > MOST_SKIPPED) turns = 0;
}

/** Reports that this turn of the event loop accepts a connection. */
export function noteAccepted(): void {
  if (isAccepting) return;
  isAccepting = true;
  turns++;
  setImmediate(endTurn);
}

/** Whether work that can wait should be left to a later turn. */
export const shouldYield = (): boolean => isAccepting && turns <= MOST_SKIPPED;
