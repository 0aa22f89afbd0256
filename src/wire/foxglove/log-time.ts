/**
 * Log times: entry ids as nanoseconds since 1970, as Foxglove and MCAP files state the time of a message.
 *
 *     log time = milliseconds · 1,000,000 + sequence
 *
 * The time is exact, so that the id can be restored from it, for every sequence below a million until the year 2554.
 */
import { type EntryId, idOf } from "../../domain/streams/entry-id.ts";

/** Nanoseconds of a millisecond. */
export const NS_PER_MS = 1_000_000n;
/** Greatest sequence that a log time expresses. */
const MAX_SEQUENCE = 999_999;
/** First time in ms whose nanoseconds exceed 64 bits. Below it, numbers are exact. */
const LIMIT_MS = 18_446_744_073_709;
/** Greatest log time. */
export const LAST_LOG_TIME = 2n ** 64n - 1n;

/** Time of an entry in whole seconds and nanoseconds. */
export interface LogTime {
  readonly seconds: number;
  readonly nanos: number;
}

/** Returns milliseconds and sequence as a log time expresses them. */
function partsOf(id: EntryId): readonly [ms: number, sequence: number] {
  const dash = id.indexOf("-");
  const ms = Number(id.slice(0, dash));
  return ms < LIMIT_MS ? [ms, Math.min(MAX_SEQUENCE, Number(id.slice(dash + 1)))] : [LIMIT_MS, 551_615];
}

/** Returns the log time of an entry in ns. It never decreases within a stream; ids beyond its range share the next possible time. */
export function logTimeOf(id: EntryId): bigint {
  const [ms, sequence] = partsOf(id);
  return BigInt(ms) * NS_PER_MS + BigInt(sequence);
}

/** Returns the log time of an entry in seconds and nanoseconds. */
export function secondsOf(id: EntryId): LogTime {
  const [ms, sequence] = partsOf(id);
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 + sequence };
}

/** Returns the id with a log time. @param time ns from 0 to 2^64 - 1 */
export const idOfLogTime = (time: bigint): EntryId => idOf(time / NS_PER_MS, time % NS_PER_MS);

/** Whether `idOfLogTime` restores the id of an entry. */
export function isExactLogTime(id: EntryId): boolean {
  const [ms, sequence] = partsOf(id);
  // The greatest ones may stand for greater ones.
  return (ms < LIMIT_MS && sequence < MAX_SEQUENCE) || `${ms}-${sequence}` === id;
}
