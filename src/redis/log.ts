/**
 * The log: what the gateway does with streams as stores of entries. Appends go over a connection of their own, so
 * that nobody's reading of history stands in front of somebody's append.
 */

import type { Entry, NewEntry } from "../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID, LAST_ID } from "../domain/entry-id.ts";
import { GatewayError } from "../domain/errors.ts";
import type { Append, AppendDone } from "./appender.ts";
import type { Argument } from "./command-writer.ts";
import type { Commands } from "./commands.ts";
import { entriesOf } from "./entry-reply.ts";
import { bytesOf, type EntrySizes } from "./entry-sizes.ts";
import { refusalOf, refusing } from "./refusal.ts";
import type { ReplicaReads } from "./replica-reads.ts";
import { type Reply, ReplyError } from "./resp-reader.ts";

/** Entries right after a cursor. */
export interface Page {
  readonly entries: readonly Entry[];
  /** Nothing was behind them when they were read. */
  readonly isLast: boolean;
  /** Entries after the cursor may have been trimmed away: the stream's first entry is past it. */
  readonly hasGap: boolean;
  /** The stream is empty or not there, and the cursor says that it once was: whatever comes next comes after a gap. */
  readonly isGone: boolean;
}

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
  const read = (...args: readonly Argument[]): Promise<Reply> => refusing(reads.call(...args));

  const learned = (key: string, reply: Reply): Entry[] => {
    const entries = entriesOf(reply);
    sizes.learn(key, entries);
    return entries;
  };

  /**
   * A step as a replica has it, where that has all of it: as much as was asked for, and nothing missing before it. What is
   * less is at the end of what the replica has, which the master may have more of.
   *
   * @param check sent with it, and answered beside it
   */
  async function fullStep(
    key: string,
    size: number,
    command: readonly Argument[],
    check?: readonly Argument[],
  ): Promise<readonly [entries: Entry[], checked: readonly Entry[]] | undefined> {
    const commands = check === undefined ? [command] : [command, check];
    const [found, checked] = (await replicas?.ask(key, ...commands)) ?? [];
    const entries = found === undefined ? [] : entriesOf(found);
    if (entries.length < size) return undefined;
    sizes.learn(key, entries);
    return [entries, checked === undefined ? [] : entriesOf(checked)];
  }

  /** One step of `readAfter`. */
  async function stepAfter(key: string, cursor: EntryId, count: number): Promise<Page> {
    const command = ["XRANGE", key, exclusive(cursor), "+", "COUNT", count];
    const checkFirst = cursor === FIRST_ID ? undefined : ["XRANGE", key, "-", "+", "COUNT", 1];
    const full = replicas === undefined ? undefined : await fullStep(key, count, command, checkFirst);
    if (full !== undefined) {
      const [entries, [oldest]] = full;
      const hasGap = oldest !== undefined && compareIds(oldest.id, cursor) > 0;
      return { entries, isLast: false, hasGap, isGone: false };
    }
    // Both in one turn, so in one write: nothing comes between them on the server but by another thread of it.
    const first = checkFirst && read(...checkFirst);
    // So that a failure of both is not an unhandled one of the other.
    first?.catch(() => undefined);
    const entries = learned(key, await read(...command));
    const [oldest] = first === undefined ? [] : entriesOf(await first);
    return {
      entries,
      isLast: entries.length < count,
      hasGap: oldest !== undefined && compareIds(oldest.id, cursor) > 0,
      isGone: first !== undefined && oldest === undefined,
    };
  }

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

  /** One step of `readSteps`. */
  async function step(
    command: "XRANGE" | "XREVRANGE",
    key: string,
    start: string,
    to: string,
    size: number,
  ): Promise<readonly Entry[]> {
    const whole = [command, key, start, to, "COUNT", size];
    // Newest first, a replica has all if it has something at the start, or behind it.
    const isForward = command === "XRANGE";
    const check = isForward ? undefined : ["XRANGE", key, start.replace("(", ""), "+", "COUNT", 1];
    const mayBeFull = replicas !== undefined && (isForward || start !== "+");
    const [entries, ahead] = (mayBeFull ? await fullStep(key, size, whole, check) : undefined) ?? [];
    if (entries !== undefined && (isForward || ahead?.length === 1)) return entries;
    return learned(key, await read(...whole));
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
      const found = await step(command, key, start, to, size);
      for (const one of found) entries.push(one);
      if (found.length < size) return { entries, isCut: false };
      bytes += bytesOf(found);
    }
  }

  return {
    append,

    async readAfter(key, cursor, count, among = 1) {
      const page = await stepAfter(key, cursor, nextStep(key, count, among, [], 0));
      let { isLast } = page;
      if (isLast || page.entries.length >= count) return page;
      const entries = [...page.entries];
      let bytes = bytesOf(entries);
      for (;;) {
        const size = nextStep(key, count, among, entries, bytes);
        const last = entries.at(-1);
        if (size === 0 || last === undefined || isLast) return { ...page, entries, isLast };
        const more = await stepAfter(key, last.id, size);
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

/** The start of a range that leaves the cursor itself out (Redis 6.2: `XRANGE key (id …`). */
const exclusive = (cursor: EntryId) => (cursor === FIRST_ID ? "-" : `(${cursor}`);

function lastGeneratedIdOf(info: Reply): EntryId {
  const pairs = Array.isArray(info) ? info : [];
  const at = pairs.findIndex((field) => String(field) === "last-generated-id");
  const id = pairs[at + 1];
  if (at < 0 || !Buffer.isBuffer(id))
    throw new GatewayError("REDIS_REFUSED", "Redis did not say the last id");
  return id.toString("latin1") as EntryId;
}
