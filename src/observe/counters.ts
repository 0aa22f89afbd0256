/**
 * Counters of the gateway: plain numbers, so that counting costs almost nothing per entry. Only the metrics page reads
 * them; no decision depends on them. Entries and bytes of streams are counted by stream class (`stream-classes.ts`).
 */

/** Totals since the start, and the current size of every bounded buffer in bytes. */
export type Counters = ReturnType<typeof createCounters>;

/** Creates counters that are all 0. */
export function createCounters() {
  return {
    /** Appends to which Redis replied with an error. */
    entriesRejected: 0,
    /** Appends whose reply was lost with the connection: they may or may not be stored. */
    entriesUnknown: 0,
    /** Appends that are sent or wait for Redis, and their payload bytes. */
    appendsInFlight: 0,
    appendBytesInFlight: 0,
    /** Times that reading from a pushing socket paused because too many of its bytes waited for Redis. */
    pushPauses: 0,
    /** Bytes written to readers, including framing. */
    bytesSent: 0,
    /** Gaps: times that entries after a reader's cursor were trimmed or deleted before it read them. */
    gaps: 0,
    readers: 0,
    readersPaused: 0,
    /** Times that a reader exceeded its high-water mark. */
    slowPauses: 0,
    /** Pages of history read from Redis, and pages shared from another reader's read. */
    pagesRead: 0,
    pagesShared: 0,
    tailReads: 0,
    tailStreams: 0,
    recentBytes: 0,
    pageCacheBytes: 0,
    bufferPoolBytes: 0,
    pollCacheBytes: 0,
    /** Responses that were served from the poll cache, and its size in bytes. */
    answersRepeated: 0,
    answersKeptBytes: 0,
    /** Entries delivered to consumers of groups, those delivered again, and those moved to a dead-letter stream. */
    workDelivered: 0,
    workRedelivered: 0,
    workDead: 0,
    /** Recordings in progress, entries that they received, and recordings that failed. */
    recordings: 0,
    recordedEntries: 0,
    recordingsFailed: 0,
    /** Seconds that recordings waited before they read more history, because clients were served. */
    recordingDelaySeconds: 0,
    /** Recordings that are being played, entries that they stored, and playbacks that failed. */
    playbacks: 0,
    playedEntries: 0,
    playbacksFailed: 0,
    redisReconnects: 0,
    /** Entries that a viewer did not receive because they are not images, counted per viewer. */
    imagesSkipped: 0,
    /** 1 while Redis is unavailable, else 0. */
    redisUnavailable: 0,
    /** Requests and sockets rejected because of a client error. */
    clientErrors: 0,
    /** Requests accepted with a warning: an unknown parameter, or a time in the wrong unit. */
    requestWarnings: 0,
    internalErrors: 0,
  };
}
