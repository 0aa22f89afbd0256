/**
 * Counters of the gateway: plain numbers, so that counting costs almost nothing per entry. Only the metrics page reads
 * them; no decision depends on them. Entries and bytes of streams are counted by stream class (`stream-classes.ts`).
 */

/** Totals since the start, and the current size of every bounded buffer in bytes. */
export interface Counters {
  /** Appends to which Redis replied with an error. */
  entriesRejected: number;
  /** Appends whose reply was lost with the connection: they may or may not be stored. */
  entriesUnknown: number;
  /** Appends that are sent or wait for Redis, and their payload bytes. */
  appendsInFlight: number;
  appendBytesInFlight: number;
  /** Times that reading from a pushing socket paused because too many of its bytes waited for Redis. */
  pushPauses: number;
  /** Bytes written to readers, including framing. */
  bytesSent: number;
  /** Gaps: times that entries after a reader's cursor were trimmed or deleted before it read them. */
  gaps: number;
  readers: number;
  readersPaused: number;
  /** Times that a reader exceeded its high-water mark. */
  slowPauses: number;
  /** Pages of history read from Redis, and pages shared from another reader's read. */
  pagesRead: number;
  pagesShared: number;
  tailReads: number;
  tailStreams: number;
  recentBytes: number;
  pageCacheBytes: number;
  bufferPoolBytes: number;
  pollCacheBytes: number;
  /** Responses that were served from the poll cache, and its size in bytes. */
  answersRepeated: number;
  answersKeptBytes: number;
  /** Entries delivered to consumers of groups, those delivered again, and those moved to a dead-letter stream. */
  workDelivered: number;
  workRedelivered: number;
  workDead: number;
  /** Recordings in progress, entries that they received, and recordings that failed. */
  recordings: number;
  recordedEntries: number;
  recordingsFailed: number;
  /** Recordings that are being played, entries that they stored, and playbacks that failed. */
  playbacks: number;
  playedEntries: number;
  playbacksFailed: number;
  redisReconnects: number;
  /** Entries that a viewer did not receive because they are not images, counted per viewer. */
  imagesSkipped: number;
  /** 1 while Redis is unavailable, else 0. */
  redisUnavailable: number;
  /** Requests and sockets rejected because of a client error. */
  clientErrors: number;
  /** Requests accepted with a warning: an unknown parameter, or a time in the wrong unit. */
  requestWarnings: number;
  internalErrors: number;
}

/** Creates counters that are all 0. */
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
  answersRepeated: 0,
  answersKeptBytes: 0,
  workDelivered: 0,
  workRedelivered: 0,
  workDead: 0,
  recordings: 0,
  recordedEntries: 0,
  recordingsFailed: 0,
  playbacks: 0,
  playedEntries: 0,
  playbacksFailed: 0,
  redisReconnects: 0,
  imagesSkipped: 0,
  redisUnavailable: 0,
  clientErrors: 0,
  requestWarnings: 0,
  internalErrors: 0,
});
