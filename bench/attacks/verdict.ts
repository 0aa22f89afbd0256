/** Judges what a run recorded. */

/**
 * Resident memory (bytes) that the gateway must stay under in one process, whatever clients do: `docs/operating.md`
 * documents a container of this size.
 */
export const MOST_RESIDENT_BYTES = 512 * 2 ** 20;
/** How long (ms) a healthy client may wait beyond what the machine makes any process wait. */
export const MOST_WAIT_MS = 250;

/** The longest waits of a kind in a round. */
export interface LongWait {
  readonly what: string;
  readonly ms: number;
  /** How much of it was the machine's and not the gateway's. */
  readonly allowedMs: number;
}

/** What happened in one round. */
export interface RoundRecord {
  readonly attacks: readonly string[];
  /** Waits over `MOST_WAIT_MS`. */
  readonly longWaits: readonly LongWait[];
  readonly peakBytes: number;
}

/** What a run records. */
export interface RunRecord {
  readonly seed: number;
  readonly rounds: readonly RoundRecord[];
  /** What healthy clients lost or were refused. */
  readonly complaints: readonly string[];
  /** Attacks whose connections the gateway still had after every deadline, with their greatest age in ms. */
  readonly overdue: Readonly<Record<string, number>>;
  /** What the gateway held after all clients had left and not before they came. */
  readonly left: readonly string[];
  /** How the gateway ended, where it did before the run. */
  readonly died?: string;
  readonly healthyWaits: number;
}

const MOST_COMPLAINTS = 10;

/** Each problem is a sentence. */
export function judge(record: RunRecord): readonly string[] {
  const problems: string[] = [];
  if (record.died !== undefined) problems.push(`the gateway ended: ${record.died}`);
  for (const { attacks, longWaits, peakBytes } of record.rounds) {
    const under = `under ${attacks.join(", ")}`;
    const beyond = longWaits.filter(({ ms, allowedMs }) => ms - allowedMs > MOST_WAIT_MS);
    const [worst] = beyond.toSorted((a, b) => b.ms - b.allowedMs - (a.ms - a.allowedMs));
    if (worst !== undefined)
      problems.push(
        `${beyond.length} healthy waits over ${MOST_WAIT_MS} ms, at most ${worst.ms.toFixed(0)} ms (${worst.allowedMs.toFixed(0)} ms allowed for the machine) for ${worst.what} ${under}`,
      );
    if (peakBytes > MOST_RESIDENT_BYTES)
      problems.push(
        `${Math.ceil(peakBytes / 2 ** 20)} MB resident, more than ${MOST_RESIDENT_BYTES / 2 ** 20} MB, ${under}`,
      );
  }
  for (const complaint of record.complaints.slice(0, MOST_COMPLAINTS))
    problems.push(`healthy client: ${complaint}`);
  if (record.complaints.length > MOST_COMPLAINTS)
    problems.push(`healthy clients: ${record.complaints.length - MOST_COMPLAINTS} further complaints`);
  for (const [attack, ageMs] of Object.entries(record.overdue))
    problems.push(`a connection is still open after ${(ageMs / 1000).toFixed(1)} s: ${attack}`);
  for (const what of record.left) problems.push(`left behind: ${what}`);
  if (record.healthyWaits === 0) problems.push("no healthy client was served: nothing was measured");
  return problems;
}
