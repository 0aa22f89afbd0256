/**
 * Page reader: reads one page of stream history, and detects whether entries after the cursor were trimmed. A replica's reply
 * is used if it contains the full page. A short page may only be replication lag, so it is re-read from the master.
 */

import { InFlightGate } from "../../domain/scheduling/in-flight-gate.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID, LAST_ID } from "../../domain/streams/entry-id.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Commands } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import { entriesOf } from "./entry-decoder.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import type { ReplicaReads } from "./replicas.ts";

/** Entries right after a cursor. */
export interface Page {
  readonly entries: readonly Entry[];
  /** The page ended at the end of the stream. */
  readonly isLast: boolean;
  /** Entries after the cursor may have been trimmed: the first entry of the stream is above it. */
  readonly hasGap: boolean;
  /** The stream is empty or does not exist, although the cursor is past its start: any later entry follows a gap. */
  readonly isGone: boolean;
  /** Id of the first entry of the stream; undefined if the stream is empty. */
  readonly oldest: EntryId | undefined;
}

/** Reads pages. All methods throw `GatewayError`. */
export interface PageReader {
  /** Reads up to `count` entries after a cursor. */
  after(key: string, cursor: EntryId, count: number): Promise<Page>;
  /** Reads up to `count` entries of a range. @param start first bound of the command @param end its second bound */
  range(
    command: "XRANGE" | "XREVRANGE",
    key: string,
    start: string,
    end: string,
    count: number,
  ): Promise<readonly Entry[]>;
}

/** Options of `createPageReader`. */
export interface PageReaderOptions {
  readonly reads: Commands;
  /** Reads with large replies. */
  readonly largeReads: Commands;
  /** If absent, all pages are read from the master. */
  readonly replicas?: ReplicaReads | undefined;
  readonly sizes: EntrySizes;
}

/** Entries of a read, and those of its check. */
type Answer = readonly [entries: readonly Entry[], checked: readonly Entry[]];

/**
 * Bytes of pages on their way. Large pages have a connection of their own: a socket takes some hundred kilobytes in a turn of the
 * event loop, so a small page behind megabytes would wait for many turns.
 */
const PAGE_BYTES_AT_ONCE = { small: 64 * 1024, max: 4 * 1024 * 1024 };

/** Pages are read for all clients that follow a stream, so they start in order. */
const ANY_CLIENT = "";

/** Creates a page reader. */
export function createPageReader({ reads, largeReads, replicas, sizes }: PageReaderOptions): PageReader {
  const gate = new InFlightGate(PAGE_BYTES_AT_ONCE);

  /** Reads a page from the master when there is room for it. */
  function gated(
    key: string,
    count: number,
    command: readonly Argument[],
    check?: readonly Argument[],
  ): Promise<Answer> {
    const size = () => count * sizes.expected(key);
    return gate.run({
      client: ANY_CLIENT,
      size,
      send: () => readMaster(size() > PAGE_BYTES_AT_ONCE.small ? largeReads : reads, command, check),
    });
  }

  /** Reads from a replica. @param isComplete whether the reply proves that the replica has the full page */
  async function readReplica(
    key: string,
    command: readonly Argument[],
    check: readonly Argument[] | undefined,
    isComplete: (answer: Answer) => boolean,
  ): Promise<Answer | undefined> {
    const [found, checked] = (await replicas?.read(key, command, ...(check ? [check] : []))) ?? [];
    if (found === undefined) return undefined;
    const answer: Answer = [entriesOf(found), checked === undefined ? [] : entriesOf(checked)];
    return isComplete(answer) ? answer : undefined;
  }

  /**
   * Reads from the master. The check runs in the same transaction, because a stream that is deleted and created again
   * between the two would hide a gap.
   */
  async function readMaster(
    connection: Commands,
    command: readonly Argument[],
    check?: readonly Argument[],
  ): Promise<Answer> {
    if (check === undefined) return [entriesOf(await withGatewayErrors(connection.call(...command))), []];
    const [checked = null, found = null] = await withGatewayErrors(
      new Promise<readonly Reply[]>((resolve, reject) => {
        connection.transact([check, command], (error, replies) => {
          const failed = error ?? replies.find((reply) => reply instanceof ReplyError);
          if (failed === undefined) resolve(replies);
          else reject(failed);
        });
      }),
    );
    return [entriesOf(found), entriesOf(checked)];
  }

  return {
    async after(key, cursor, count) {
      const command = ["XRANGE", key, ...idsAfter(cursor), "COUNT", count];
      const checkFirst = cursor === FIRST_ID ? undefined : ["XRANGE", key, "-", "+", "COUNT", 1];
      const isFull = ([entries]: Answer) => entries.length >= count;
      const full = replicas && (await readReplica(key, command, checkFirst, isFull));
      const [entries, [oldest]] = full ?? (await gated(key, count, command, checkFirst));
      sizes.learn(key, entries);
      return {
        entries,
        isLast: entries.length < count,
        hasGap: oldest !== undefined && compareIds(oldest.id, cursor) > 0,
        isGone: full === undefined && checkFirst !== undefined && oldest === undefined,
        oldest: (checkFirst === undefined ? entries[0] : oldest)?.id,
      };
    },

    async range(command, key, start, end, count) {
      const whole = [command, key, start, end, "COUNT", count];
      const isForward = command === "XRANGE";
      // Newest first, the page is complete if the replica has an entry at or after the start.
      const check = isForward ? undefined : ["XRANGE", key, start.replace("(", ""), "+", "COUNT", 1];
      const isFull = ([entries, ahead]: Answer) =>
        entries.length >= count && (isForward || ahead.length === 1);
      const mayBeFull = replicas !== undefined && (isForward || start !== "+");
      const full = mayBeFull ? await readReplica(key, whole, check, isFull) : undefined;
      const [entries] = full ?? (await gated(key, count, whole));
      sizes.learn(key, entries);
      return entries;
    },
  };
}

/**
 * Returns the first and the last id of the range after a cursor, exclusively (Redis 6.2: `XRANGE key (id +`). After the greatest id, Redis
 * rejects such a range, so it is one without ids.
 */
export function idsAfter(cursor: EntryId): readonly [first: string, last: string] {
  if (cursor === LAST_ID) return ["+", "-"];
  return [cursor === FIRST_ID ? "-" : `(${cursor}`, "+"];
}
