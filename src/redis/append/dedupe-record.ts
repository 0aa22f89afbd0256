/**
 * Dedupe record of a stream: the numbers that pushers stored in it last, with the ids of their entries. One hash per stream,
 * in the stream's slot of a cluster, so that an entry and its record change in one step.
 *
 * A record keeps the newest `DEDUPE_RECORDS` numbers of all pushers together, and expires a day after the last one. That is
 * about 4 MB, and at most 30 MB with the longest dedupe keys.
 */
import { tagFor } from "../hash-slot.ts";

/** Distance from a pusher's highest number within which an entry is recognised or stored. */
export const DEDUPE_WINDOW = 10_000;
/** Numbers that are kept per stream, of all its pushers together. */
export const DEDUPE_RECORDS = 20_000;

/**
 * Key of a stream's dedupe record. Distinct streams have distinct keys: the stream's key is the rest of it.
 *
 * @param streamKey any text
 */
export const dedupeRecordKey = (streamKey: string): string => `:dedupe:{${tagFor(streamKey)}}:${streamKey}`;
