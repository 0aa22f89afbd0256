/**
 * Watermark of several streams, as in stream processing: the id up to which none of them gets further entries. Entries up to it
 * can be sent in order.
 */
import { type EntryId, earlierId, idAtTime } from "./entry-id.ts";

/**
 * Redis assigns ids by its own clock. A stream whose end was read may get entries with ids from this many ms before the time
 * of the read.
 */
const CLOCK_DIFFERENCE_MS = 1000;
/**
 * An entry that arrived this many ms ago has an id of a past millisecond in Redis: no other stream gets an entry with a lower
 * id from now on. One would be enough if timers were exact.
 */
export const PASSED_MS = 2;

/** Returns the last id, at most `id`, up to which no stream gets further entries. @param timeOfDay in ms */
export function watermark(id: EntryId, timeOfDay: number): EntryId {
  return earlierId(id, idAtTime(Math.max(0, timeOfDay - CLOCK_DIFFERENCE_MS)));
}
