/**
 * The log: what the gateway does with streams as stores of entries. Appends go over a connection of their own, so
 * that nobody's reading of history stands in front of somebody's append.
 */

import type { Entry, NewEntry } from "../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../domain/entry-id.ts";
import { GatewayError } from "../domain/errors.ts";
import type { Append, AppendDone } from "./appender.ts";
import type { Argument } from "./command-writer.ts";
import type { Connection } from "./connection.ts";
import { entriesOf } from "./entry-reply.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import { refusalOf } from "./refusal.ts";
import { type Reply, ReplyError } from "./resp-reader.ts";

/** Entries right after a cursor. */
export interface Page {
  readonly entries: readonly Entry[];
  /** Redis had fewer than were asked for: nothing is behind them yet. */
  readonly isLast: boolean;
  /** Entries after the cursor may have been trimmed away: the stream's first entry is past it. */
  readonly hasGap: boolean;
  /** The stream is empty or not there, and the cursor says that it once was: whatever comes next comes after a gap. */
  readonly isGone: boolean;
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

/** Streams as stores of entries. All reads throw `GatewayError`. */
export interface Log {
  /**
   * Stores entries in order. `done` gets one result per entry, in order: its id, or why it was refused. Entries of
   * one turn of the event loop, whoever pushed them, go to Redis in one write.
   */
  append(entries: readonly NewEntry[], done: AppendDone): void;
  /** Up to `count` entries after a cursor, and whether some were trimmed away before them. */
  readAfter(key: string, cursor: EntryId, count: number): Promise<Page>;
  /** The newest `count` entries after a cursor, oldest of them first. */
  readNewest(key: string, cursor: EntryId, count: number): Promise<readonly Entry[]>;
  /** Entries of a range. */
  readRange(key: string, range: RangeOptions): Promise<readonly Entry[]>;
  /** The id that the stream generated last, `0-0` where there is no stream: what `$` means at this moment. */
  lastGeneratedId(key: string): Promise<EntryId>;
  /** Resolves when Redis answers, to reads and to appends. */
  ping(): Promise<void>;
}

/** What a log is made of. */
export interface LogParts {
  readonly append: Append;
  readonly reads: Connection;
  /** All that reads and appends go over: Redis answers when it answers on each. */
  readonly connections: readonly Connection[];
  readonly sizes: EntrySizes;
}

/** Makes the log. */
export function createLog({ append, reads, connections, sizes }: LogParts): Log {
  const ask = async (connection: Connection, ...args: readonly Argument[]): Promise<Reply> => {
    try {
      return await connection.call(...args);
    } catch (error) {
      throw refusalOf(error as Error);
    }
  };
  const read = (...args: readonly Argument[]): Promise<Reply> => ask(reads, ...args);

  const learned = (key: string, reply: Reply): Entry[] => {
    const entries = entriesOf(reply);
    sizes.learn(key, entries);
    return entries;
  };

  return {
    append,

    async readAfter(key, cursor, count) {
      // Both in one turn, so in one write: nothing comes between them on the server but by another thread of it.
      const first = cursor === FIRST_ID ? undefined : read("XRANGE", key, "-", "+", "COUNT", 1);
      // So that a failure of both is not an unhandled one of the other.
      first?.catch(() => undefined);
      const entries = learned(key, await read("XRANGE", key, exclusive(cursor), "+", "COUNT", count));
      const [oldest] = first === undefined ? [] : entriesOf(await first);
      return {
        entries,
        isLast: entries.length < count,
        hasGap: oldest !== undefined && compareIds(oldest.id, cursor) > 0,
        isGone: first !== undefined && oldest === undefined,
      };
    },

    async readNewest(key, cursor, count) {
      return learned(key, await read("XREVRANGE", key, "+", exclusive(cursor), "COUNT", count)).reverse();
    },

    async readRange(key, { start, end, count, reverse }) {
      const reply = reverse
        ? await read("XREVRANGE", key, end, start, "COUNT", count)
        : await read("XRANGE", key, start, end, "COUNT", count);
      return learned(key, reply);
    },

    async lastGeneratedId(key) {
      try {
        return lastGeneratedIdOf(await reads.call("XINFO", "STREAM", key));
      } catch (error) {
        if (error instanceof ReplyError && /no such key/i.test(error.message)) return FIRST_ID;
        throw refusalOf(error as Error);
      }
    },

    async ping() {
      await Promise.all(connections.map((connection) => ask(connection, "PING")));
    },
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
