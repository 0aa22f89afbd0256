/**
 * What the gateway counts while it works: plain numbers, so that counting costs nothing where entries fly. The
 * metrics page reads them; nothing decides by them. What streams carry is counted by their class (`stream-classes.ts`).
 */

/** Totals since the start, and the current level of every bounded buffer. Sizes are bytes. */
export interface Counters {
  /** Appends that Redis answered with an error. */
  entriesRejected: number;
  /** Appends whose answer was lost with the connection: stored or not, nobody knows. */
  entriesUnknown: number;
  /** Appends sent or waiting for Redis, and their payload bytes. */
  appendsInFlight: number;
  appendBytesInFlight: number;
  /** Times that a pushing socket was no longer read because too much of it waited for Redis. */
  pushPauses: number;
  /** Written to readers, framing included. */
  bytesSent: number;
  /** Times that a reader's cursor had been trimmed away before it came. */
  gaps: number;
  readers: number;
  readersPaused: number;
  /** Times that a reader was over its high-water mark. */
  slowPauses: number;
  /** Pages of history read from Redis, and those that another reader's read served. */
  pagesRead: number;
  pagesShared: number;
  tailReads: number;
  tailStreams: number;
  recentBytes: number;
  pageCacheBytes: number;
  bufferPoolBytes: number;
  pollCacheBytes: number;
  redisReconnects: number;
  /** Entries that were not shown as a picture because they are none, once for each viewer. */
  imagesSkipped: number;
  /** 1 while Redis does not answer, else 0. */
  redisUnavailable: number;
  /** Requests and sockets refused for something the client did. */
  clientErrors: number;
  /** Requests accepted with a warning: an unknown parameter, or a time in the wrong unit. */
  requestWarnings: number;
  internalErrors: number;
}

/** A counters with everything at 0. */
export const createCounters = (): Counters => ({
  entriesRejected: 0,
  entriesUnknown: 0,
  appendsInFlight: 0,
  appendBytesInFlight: 0,
  pushPauses: 0,
  bytesSent: 0,
  gaps: 0,
  readers: 0,
  readersPaused: 0,
  slowPauses: 0,
  pagesRead: 0,
  pagesShared: 0,
  tailReads: 0,
  tailStreams: 0,
  recentBytes: 0,
  pageCacheBytes: 0,
  bufferPoolBytes: 0,
  pollCacheBytes: 0,
  redisReconnects: 0,
  imagesSkipped: 0,
  redisUnavailable: 0,
  clientErrors: 0,
  requestWarnings: 0,
  internalErrors: 0,
});
