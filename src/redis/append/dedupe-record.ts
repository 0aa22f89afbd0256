/**
 * Dedupe record of a stream: the latest numbers that pushers stored in it, with the ids of their entries. One hash per
 * stream, in the stream's cluster slot, so that an entry and its record change atomically.
 *
 * A record keeps the newest `DEDUPE_RECORDS` numbers of all pushers together and expires one day after the last one.
 * It takes about 4 MB, and at most 30 MB with the longest dedupe keys.
 */
import { tagFor } from "../cluster/hash-slot.ts";

/** Maximum distance below a pusher's highest number at which an entry is still recognised or stored. */
export const DEDUPE_WINDOW = 10_000;
/** Numbers kept per stream, over all pushers. */
export const DEDUPE_RECORDS = 20_000;

/**
 * Key of a stream's dedupe record. It ends with the stream key, so distinct streams have distinct records.
 *
 * @param streamKey any text
 */
export const dedupeRecordKey = (streamKey: string): string => `:dedupe:{${tagFor(streamKey)}}:${streamKey}`;
