/**
 * Ledger of one stream, whose entries are numbered 0, 1, 2, …: a reader must receive every acknowledged entry with the
 * acknowledged id, and no others.
 */

/** Ledger of one stream. */
export interface Ledger {
  /** Entries acknowledged so far. */
  readonly acknowledged: number;
  /** Entries that only the pusher or only the reader has reported yet. */
  readonly open: number;
  /** Records that the next entry was stored. */
  acknowledge(id: string): void;
  /** Records an entry that a reader of all entries received. */
  see(number: number, id: string): void;
}

/** Creates a ledger. @param report receives a description of each problem */
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
