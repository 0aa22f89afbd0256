/**
 * What became of the entries of one stream, which carry the numbers 0, 1, 2, …: every acknowledgement must be seen by a
 * reader, with the id that was acknowledged, and nothing may be seen that was not.
 */

/** The account of one stream. */
export interface Ledger {
  /** Entries acknowledged so far. */
  readonly acknowledged: number;
  /** Entries that only the pusher or only the reader knows of yet. */
  readonly open: number;
  /** The next entry was stored. */
  acknowledge(id: string): void;
  /** A reader that gets everything got an entry. */
  see(number: number, id: string): void;
}

/** Makes an account. @param report told of what is wrong */
export function createLedger(stream: string, report: (problem: string) => void): Ledger {
  const acknowledgedIds = new Map<number, string>();
  const seenIds = new Map<number, string>();
  let acknowledged = 0;
  const settle = (number: number) => {
    const [stored, seen] = [acknowledgedIds.get(number), seenIds.get(number)];
    if (stored === undefined || seen === undefined) return;
    if (stored !== seen)
      report(`${stream}: entry ${number} was acknowledged as ${stored} and read as ${seen}`);
    acknowledgedIds.delete(number);
    seenIds.delete(number);
  };
  return {
    get acknowledged() {
      return acknowledged;
    },
    get open() {
      return acknowledgedIds.size + seenIds.size;
    },
    acknowledge(id) {
      acknowledgedIds.set(acknowledged, id);
      settle(acknowledged++);
    },
    see(number, id) {
      seenIds.set(number, id);
      settle(number);
    },
  };
}
