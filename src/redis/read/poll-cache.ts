/**
 * Reads for clients that ask again and again, as HTTP polling does: an answer is kept until Redis says that the stream has
 * changed (`CLIENT TRACKING`, on a connection of its own, so that only what is kept is tracked). Redis tells of a change
 * before whoever made it can ask here, and what this gateway appends itself is forgotten before it is acknowledged.
 */
import { bytesOf, type Entry } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Connection, ConnectionHooks } from "../resp/connection.ts";
import type { Page } from "./page.ts";
import type { Log } from "./stream-reader.ts";

/** Reads as those of `Log`. They throw `GatewayError`. */
type Reads = Pick<Log, "readAfter" | "readNewest">;

/** Reads of which some answers are known already. */
export interface PolledReads extends Reads {
  /** What `readAfter` would answer, where that is known: many times cheaper than a promise of it. */
  knownAfter(key: string, cursor: EntryId, count: number): Page | undefined;
  /** The same of `readNewest`. */
  knownNewest(key: string, cursor: EntryId, count: number): readonly Entry[] | undefined;
}

/** The reads, and what makes their answers out of date. */
export interface PolledReadsWithForget {
  readonly reads: PolledReads;
  /** The gateway has appended to a stream itself. */
  forget(key: string): void;
}

/** What polled reads are made of. */
export interface PolledReadsParts {
  /** Opens the connection that is tracked. */
  readonly connect: (hooks: ConnectionHooks) => Connection;
  /** Reads over it. */
  readonly readsOver: (connection: Connection) => Reads;
  /** Most that is kept, in bytes, about. */
  readonly limitBytes: number;
  readonly counters: Counters;
}

/** Answers larger than this (bytes) are not kept: asking for them costs little beside sending them. */
const MOST_ANSWER_BYTES = 64 * 1024;
/** Objects that an answer and an entry take besides payloads, in bytes, about. */
const ANSWER_COST_BYTES = 500;

/** What is kept of one stream. */
interface Place {
  readonly after: Map<string, Page>;
  readonly newest: Map<string, readonly Entry[]>;
  bytes: number;
}

/** Makes the reads. */
export function createPolledReads({
  connect,
  readsOver,
  limitBytes,
  counters,
}: PolledReadsParts): PolledReadsWithForget {
  const places = new Map<string, Place>();
  let isTracked = false;

  function forget(key: string): void {
    counters.pollCacheBytes -= places.get(key)?.bytes ?? 0;
    places.delete(key);
  }

  function forgetAll(): void {
    places.clear();
    counters.pollCacheBytes = 0;
  }

  /** By far the most is out of date long before the bound is reached; then all is asked for again. */
  function take(place: Place, bytes: number): void {
    place.bytes += bytes;
    counters.pollCacheBytes += bytes;
    if (counters.pollCacheBytes > limitBytes) forgetAll();
  }

  function placeOf(key: string): Place {
    const known = places.get(key);
    if (known !== undefined) return known;
    const place: Place = { after: new Map(), newest: new Map(), bytes: 0 };
    places.set(key, place);
    take(place, ANSWER_COST_BYTES);
    return place;
  }

  const connection = connect({
    onReady() {
      if (connection.protocol() === 2) return;
      connection.send(["CLIENT", "TRACKING", "ON"], (error) => {
        isTracked = error === undefined;
      });
    },
    onPush([kind, keys]) {
      if (String(kind) !== "invalidate") return;
      if (Array.isArray(keys)) for (const key of keys) forget(String(key));
      else forgetAll();
    },
    onLost() {
      isTracked = false;
      forgetAll();
    },
  });
  const reads = readsOver(connection);

  /** Keeps an answer, unless it may be from before something that it was forgotten for meanwhile. */
  function keep(key: string, place: Place, entries: readonly Entry[], put: () => void): void {
    const bytes = bytesOf(entries);
    if (!isTracked || places.get(key) !== place || bytes > MOST_ANSWER_BYTES) return;
    put();
    take(place, bytes + (entries.length + 1) * ANSWER_COST_BYTES);
  }

  const questionOf = (cursor: EntryId, count: number) => `${cursor} ${count}`;
  const knownAfter = (key: string, cursor: EntryId, count: number) =>
    places.get(key)?.after.get(questionOf(cursor, count));
  const knownNewest = (key: string, cursor: EntryId, count: number) =>
    places.get(key)?.newest.get(questionOf(cursor, count));

  return {
    forget(key) {
      if (places.size > 0) forget(key);
    },
    reads: {
      knownAfter,
      knownNewest,
      async readAfter(key, cursor, count, among) {
        const known = knownAfter(key, cursor, count);
        if (known !== undefined) return known;
        const place = placeOf(key);
        const page = await reads.readAfter(key, cursor, count, among);
        keep(key, place, page.entries, () => place.after.set(questionOf(cursor, count), page));
        return page;
      },
      async readNewest(key, cursor, count, among) {
        const known = knownNewest(key, cursor, count);
        if (known !== undefined) return known;
        const place = placeOf(key);
        const entries = await reads.readNewest(key, cursor, count, among);
        keep(key, place, entries, () => place.newest.set(questionOf(cursor, count), entries));
        return entries;
      },
    },
  };
}

/** Reads of which no answer is kept: in a cluster nobody tells of a stream that comes to be at another node. */
export const unkeptReads = ({ readAfter, readNewest }: Reads): PolledReadsWithForget => ({
  reads: { readAfter, readNewest, knownAfter: () => undefined, knownNewest: () => undefined },
  forget: () => undefined,
});
