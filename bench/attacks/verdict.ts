/** Verdict on the recorded measurements of a run. */
import type { Activity } from "./share.ts";

/**
 * Maximum resident memory (bytes) of one gateway process, whatever clients do: `docs/operating.md` documents a container
 * of this size.
 */
export const MAX_RESIDENT_BYTES = 512 * 2 ** 20;
/** Maximum wait (ms) of a healthy client beyond the delay that the machine causes. */
export const MAX_WAIT_MS = 250;

/** The longest waits of a kind in a round. */
export interface LongWait {
  readonly what: string;
  /** Time at which the wait began (ISO 8601). */
  readonly at: string;
  readonly ms: number;
  /** Part of the wait that the machine caused. */
  readonly allowedMs: number;
  /** Activity of the gateway and of Redis meanwhile. */
  readonly activities?: readonly Activity[];
}

/** Measurements of one round. */
export interface RoundRecord {
  readonly attacks: readonly string[];
  /** Waits over `MAX_WAIT_MS`. */
  readonly longWaits: readonly LongWait[];
  readonly peakBytes: number;
}

/** Measurements of a run. */
export interface RunRecord {
  readonly seed: number;
  readonly rounds: readonly RoundRecord[];
  /** Lost entries and rejections that healthy clients reported. */
  readonly complaints: readonly string[];
  /** Attacks with connections that were still open after every deadline, with their greatest age in ms. */
  readonly overdue: Readonly<Record<string, number>>;
  /** Resources that the gateway held after all clients had left and not before they connected. */
  readonly left: readonly string[];
  /** Exit of the gateway, if it ended before the run. */
  readonly died?: string;
  readonly healthyWaits: number;
}

const MAX_COMPLAINTS = 10;

/** Returns a sentence for each problem. */
export function judge(record: RunRecord): readonly string[] {
  const problems: string[] = [];
  if (record.died !== undefined) problems.push(`the gateway ended: ${record.died}`);
  for (const { attacks, longWaits, peakBytes } of record.rounds) {
    const under = `during ${attacks.join(", ")}`;
    const beyond = longWaits.filter(({ ms, allowedMs }) => ms - allowedMs > MAX_WAIT_MS);
    const [worst] = beyond.toSorted((a, b) => b.ms - b.allowedMs - (a.ms - a.allowedMs));
    if (worst !== undefined)
      problems.push(
        `${beyond.length} healthy waits over ${MAX_WAIT_MS} ms, at most ${worst.ms.toFixed(0)} ms (${worst.allowedMs.toFixed(0)} ms allowed for the machine) for ${worst.what} ${under}`,
      );
    if (peakBytes > MAX_RESIDENT_BYTES)
      problems.push(
        `${Math.ceil(peakBytes / 2 ** 20)} MB of resident memory, more than ${MAX_RESIDENT_BYTES / 2 ** 20} MB, ${under}`,
      );
  }
  for (const complaint of record.complaints.slice(0, MAX_COMPLAINTS))
    problems.push(`healthy client: ${complaint}`);
  if (record.complaints.length > MAX_COMPLAINTS)
    problems.push(`healthy clients: ${record.complaints.length - MAX_COMPLAINTS} further complaints`);
  for (const [attack, ageMs] of Object.entries(record.overdue))
    problems.push(`a connection is still open after ${(ageMs / 1000).toFixed(1)} s: ${attack}`);
  for (const what of record.left) problems.push(`leaked: ${what}`);
  if (record.healthyWaits === 0) problems.push("no healthy client was served: nothing was measured");
  return problems;
}
