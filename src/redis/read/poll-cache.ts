/**
 * Poll cache: keeps answers for clients that poll over HTTP until Redis reports a change of the stream (`CLIENT TRACKING`
 * on a connection of its own, so that only cached keys are tracked). Redis sends an invalidation before the client that
 * made the change can send a read here. The gateway's own appends drop cached answers before they are acknowledged.
 */
import { bytesOf, type Entry } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Commands } from "../resp/commands.ts";
import type { Connection, ConnectionHooks } from "../resp/connection.ts";
import type { Page } from "./page-reader.ts";
import type { StreamReader } from "./stream-reader.ts";
import { TrackedReads } from "./tracked-reads.ts";

/** Reads like those of `StreamReader`. They throw `GatewayError`. */
type Reads = Pick<StreamReader, "readAfter" | "readNewest">;

/** Reads with cached answers. */
export interface PolledReads extends Reads {
  /** Cached answer of `readAfter`, if any; returned synchronously, which is many times cheaper than a promise. */
  knownAfter(key: string, cursor: EntryId, count: number): Page | undefined;
  /** Cached answer of `readNewest`, if any. */
  knownNewest(key: string, cursor: EntryId, count: number): readonly Entry[] | undefined;
}

/** Cached reads, and a function that drops outdated answers. */
export interface PolledReadsWithForget {
  readonly reads: PolledReads;
  /** Call when the gateway has appended to a stream. */
  forget(key: string): void;
}

/** Options of `createPolledReads`. */
export interface PolledReadsParts {
  /** Opens the tracked connection. */
  readonly connect: (hooks: ConnectionHooks) => Connection;
  /** Creates the reads over that connection, and those with large replies over another one. */
  readonly readsOver: (connection: Commands, largeReads: Commands) => Reads;
  /** Reads with large replies. */
  readonly largeReads: Commands;
  /** Approximate maximum size of the cache in bytes. */
  readonly limitBytes: number;
  readonly counters: Counters;
}

/** Answers larger than this (bytes) are not cached: reading them costs little compared to sending them. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Approximate overhead (bytes) of an answer, and of each entry, besides payloads. */
const ANSWER_COST_BYTES = 500;

/** Cached answers of one stream. */
interface CachedStream {
  readonly after: Map<string, Page>;
  readonly newest: Map<string, readonly Entry[]>;
  bytes: number;
}

/** Creates the cached reads. */
export function createPolledReads({
  connect,
  readsOver,
  largeReads,
  limitBytes,
  counters,
}: PolledReadsParts): PolledReadsWithForget {
  const answers = new CachedAnswers(limitBytes, counters);
  const forget = (key: string) => {
    trackedLarge.changed(key);
    answers.forget(key);
  };
  const forgetAll = () => {
    trackedLarge.allChanged();
    answers.forgetAll();
  };
  const connection = connect({
    onReady() {
      if (connection.protocol() === 2) return;
      connection.send(["CLIENT", "TRACKING", "ON"], (error) => {
        answers.isTracked = error === undefined;
      });
    },
    onPush([kind, keys]) {
      if (String(kind) !== "invalidate") return;
      if (Array.isArray(keys)) for (const key of keys) forget(String(key));
      else forgetAll();
    },
    onLost() {
      answers.isTracked = false;
      forgetAll();
    },
  });
  const trackedLarge = new TrackedReads({ tracked: connection, reads: largeReads });
  const reads = readsOver(connection, trackedLarge);
  const knownAfter = (key: string, cursor: EntryId, count: number) => answers.after(key, cursor, count);
  const knownNewest = (key: string, cursor: EntryId, count: number) => answers.newest(key, cursor, count);
  return {
    forget: (key) => answers.forget(key),
    reads: {
      knownAfter,
      knownNewest,
      async readAfter(key, cursor, count, among) {
        const known = knownAfter(key, cursor, count);
        if (known !== undefined) return known;
        const stream = answers.streamOf(key);
        const page = await reads.readAfter(key, cursor, count, among);
        answers.keep(key, stream, page.entries, () => stream.after.set(cacheKey(cursor, count), page));
        return page;
      },
      async readNewest(key, cursor, count, among) {
        const known = knownNewest(key, cursor, count);
        if (known !== undefined) return known;
        const stream = answers.streamOf(key);
        const entries = await reads.readNewest(key, cursor, count, among);
        answers.keep(key, stream, entries, () => stream.newest.set(cacheKey(cursor, count), entries));
        return entries;
      },
    },
  };
}

/** Cached answers of all streams. */
class CachedAnswers {
  readonly #limitBytes: number;
  readonly #counters: Counters;
  readonly #streams = new Map<string, CachedStream>();
  /** Whether Redis reports changes, so that answers may be kept. */
  isTracked = false;

  constructor(limitBytes: number, counters: Counters) {
    this.#limitBytes = limitBytes;
    this.#counters = counters;
  }

  after(key: string, cursor: EntryId, count: number): Page | undefined {
    return this.#streams.get(key)?.after.get(cacheKey(cursor, count));
  }

  newest(key: string, cursor: EntryId, count: number): readonly Entry[] | undefined {
    return this.#streams.get(key)?.newest.get(cacheKey(cursor, count));
  }

  streamOf(key: string): CachedStream {
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const stream: CachedStream = { after: new Map(), newest: new Map(), bytes: 0 };
    this.#streams.set(key, stream);
    this.#account(stream, ANSWER_COST_BYTES);
    return stream;
  }

  /** Caches an answer, unless it may predate a change that dropped the stream's answers in the meantime. */
  keep(key: string, stream: CachedStream, entries: readonly Entry[], put: () => void): void {
    const bytes = bytesOf(entries);
    if (!this.isTracked || this.#streams.get(key) !== stream || bytes > MAX_ANSWER_BYTES) return;
    put();
    this.#account(stream, bytes + (entries.length + 1) * ANSWER_COST_BYTES);
  }

  forget(key: string): void {
    if (this.#streams.size === 0) return;
    this.#counters.pollCacheBytes -= this.#streams.get(key)?.bytes ?? 0;
    this.#streams.delete(key);
  }

  forgetAll(): void {
    this.#streams.clear();
    this.#counters.pollCacheBytes = 0;
  }

  /** Accounts for bytes, and clears the whole cache above its limit; most answers are outdated long before that. */
  #account(stream: CachedStream, bytes: number): void {
    stream.bytes += bytes;
    this.#counters.pollCacheBytes += bytes;
    if (this.#counters.pollCacheBytes > this.#limitBytes) this.forgetAll();
  }
}

const cacheKey = (cursor: EntryId, count: number): string => `${cursor} ${count}`;

/** Reads without a cache: in a cluster no invalidation reports a stream that is created on another node. */
export const uncachedReads = ({ readAfter, readNewest }: Reads): PolledReadsWithForget => ({
  reads: { readAfter, readNewest, knownAfter: () => undefined, knownNewest: () => undefined },
  forget: () => undefined,
});
