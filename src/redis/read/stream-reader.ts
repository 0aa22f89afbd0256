/**
 * The log: what the gateway does with streams as stores of entries. Appends go over a connection of their own, so
 * that nobody's reading of history stands in front of somebody's append.
 */

import { bytesOf, type Entry, type NewEntry } from "../../domain/entry.ts";
import { type EntryId, FIRST_ID, LAST_ID } from "../../domain/entry-id.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Append, AppendDone } from "../append/appender.ts";
import { refusalOf } from "../reply-errors.ts";
import type { Commands } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import { createReadSteps, exclusive, type Page } from "./page.ts";
import type { ReplicaReads } from "./replicas.ts";

/** Entries of a range. */
export interface Range {
  readonly entries: readonly Entry[];
  /** The range may hold more: `count`, or the bound on bytes, ended it. */
  readonly isCut: boolean;
}

/** A range of a stream, both ends included. */
export interface RangeOptions {
  readonly start: EntryId;
  readonly end: EntryId;
  /** Most entries. */
  readonly count: number;
  /** Newest first. */
  readonly reverse: boolean;
}

/**
 * Streams as stores of entries. All reads throw `GatewayError`. What one of them brings is bounded in bytes, too: beyond
 * the bound it has fewer entries than were asked for, at least one. `among` divides the bound between so many reads.
 */
export interface Log {
  /**
   * Stores entries in order. `done` gets one result per entry, in order: its id, or why it was refused. Entries of
   * one turn of the event loop, whoever pushed them, go to Redis in one write.
   */
  append(entries: readonly NewEntry[], done: AppendDone): void;
  /** Up to `count` entries after a cursor, and whether some were trimmed away before them. */
  readAfter(key: string, cursor: EntryId, count: number, among?: number): Promise<Page>;
  /** The newest `count` entries after a cursor, oldest of them first. */
  readNewest(key: string, cursor: EntryId, count: number, among?: number): Promise<readonly Entry[]>;
  /** Entries of a range. */
  readRange(key: string, range: RangeOptions, among?: number): Promise<Range>;
  /** Bytes that a read of so many entries is expected to bring. */
  expectedBytes(key: string, count: number, among?: number): number;
  /** The id that the stream generated last, `0-0` where there is no stream: what `$` means at this moment. */
  lastGeneratedId(key: string): Promise<EntryId>;
  /** Resolves when Redis answers, to reads and to appends. */
  ping(): Promise<void>;
}

/** What a log is made of. */
export interface LogParts {
  readonly append: Append;
  readonly reads: Commands;
  /** Where full pages come from first; absent: only from where the rest is read. */
  readonly replicas?: ReplicaReads | undefined;
  /** Asks all that reads and appends go over: Redis answers when it answers on each. */
  readonly ping: () => Promise<void>;
  readonly sizes: EntrySizes;
  /** Most that one read brings, in bytes, about. */
  readonly answerBytes: number;
  /** What Redis is asked for at a time, in bytes, about: whatever else is read over the connection waits no longer than for that. */
  readonly pageBytes: number;
}

/** Makes the log. */
export function createLog(parts: LogParts): Log {
  const { append, reads, replicas, ping, sizes, answerBytes, pageBytes } = parts;
  const steps = createReadSteps({ reads, replicas, sizes });

  /** How many entries the next step asks for; 0 where what there is already is all that may be. */
  function nextStep(
    key: string,
    count: number,
    among: number,
    found: readonly Entry[],
    bytes: number,
  ): number {
    const missing = count - found.length;
    if (missing <= 0 || bytes >= answerBytes / among) return 0;
    return Math.max(1, Math.min(missing, Math.floor(pageBytes / sizes.expected(key))));
  }

  /** Reads a range in steps. @param from the bound to begin with @param to the other one, as the command has them */
  async function readSteps(
    command: "XRANGE" | "XREVRANGE",
    key: string,
    [from, to]: readonly [string, string],
    count: number,
    among: number,
  ): Promise<Range> {
    const entries: Entry[] = [];
    let bytes = 0;
    for (;;) {
      const size = nextStep(key, count, among, entries, bytes);
      if (size === 0) return { entries, isCut: true };
      const last = entries.at(-1)?.id;
      // Past the last id that there can be Redis has no range.
      if (last === LAST_ID && command === "XRANGE") return { entries, isCut: false };
      const start = last === undefined ? from : `(${last}`;
      const found = await steps.range(command, key, start, to, size);
      for (const one of found) entries.push(one);
      if (found.length < size) return { entries, isCut: false };
      bytes += bytesOf(found);
    }
  }

  return {
    append,

    async readAfter(key, cursor, count, among = 1) {
      const page = await steps.after(key, cursor, nextStep(key, count, among, [], 0));
      let { isLast } = page;
      if (isLast || page.entries.length >= count) return page;
      const entries = [...page.entries];
      let bytes = bytesOf(entries);
      for (;;) {
        const size = nextStep(key, count, among, entries, bytes);
        const last = entries.at(-1);
        if (size === 0 || last === undefined || isLast) return { ...page, entries, isLast };
        const more = await steps.after(key, last.id, size);
        // What was trimmed away between two steps is a gap for whoever reads on from here.
        if (more.hasGap || more.isGone) return { ...page, entries, isLast: false };
        for (const one of more.entries) entries.push(one);
        bytes += bytesOf(more.entries);
        isLast = more.isLast;
      }
    },

    async readNewest(key, cursor, count, among = 1) {
      const range = await readSteps("XREVRANGE", key, ["+", exclusive(cursor)], count, among);
      return [...range.entries].reverse();
    },

    readRange: (key, { start, end, count, reverse }, among = 1) =>
      reverse
        ? readSteps("XREVRANGE", key, [end, start], count, among)
        : readSteps("XRANGE", key, [start, end], count, among),

    expectedBytes(key, count, among = 1) {
      const one = sizes.expected(key);
      // The last step may go over the bound.
      return Math.max(one, Math.min(count * one, answerBytes / among + pageBytes));
    },

    async lastGeneratedId(key) {
      try {
        return lastGeneratedIdOf(await reads.call("XINFO", "STREAM", key));
      } catch (error) {
        if (error instanceof ReplyError && /no such key/i.test(error.message)) return FIRST_ID;
        throw refusalOf(error as Error);
      }
    },

    ping,
  };
}

function lastGeneratedIdOf(info: Reply): EntryId {
  const pairs = Array.isArray(info) ? info : [];
  const at = pairs.findIndex((field) => String(field) === "last-generated-id");
  const id = pairs[at + 1];
  if (at < 0 || !Buffer.isBuffer(id))
    throw new GatewayError("REDIS_REFUSED", "Redis did not say the last id");
  return id.toString("latin1") as EntryId;
}
