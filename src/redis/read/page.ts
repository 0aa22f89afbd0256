/**
 * One step of a read of history: what Redis is asked for at a time. A replica answers where it has all of the step; what
 * is less is at the end of what the replica has, which its master may have more of, and the master is asked.
 */
import type { Entry } from "../../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../../domain/entry-id.ts";
import { refusing } from "../reply-errors.ts";
import type { Commands } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import { entriesOf } from "./entry-decoder.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import type { ReplicaReads } from "./replicas.ts";

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

/** Steps. All throw `GatewayError`. */
export interface ReadSteps {
  /** Up to so many entries after a cursor. */
  after(key: string, cursor: EntryId, count: number): Promise<Page>;
  /** Up to so many entries of a range. @param start the bound to begin with @param end the other one, as the command has them */
  range(
    command: "XRANGE" | "XREVRANGE",
    key: string,
    start: string,
    end: string,
    count: number,
  ): Promise<readonly Entry[]>;
}

/** What steps are made with. */
export interface ReadStepsParts {
  readonly reads: Commands;
  /** Absent: all is read where the rest is read. */
  readonly replicas?: ReplicaReads | undefined;
  readonly sizes: EntrySizes;
}

/** Entries, and those of what was asked beside them. */
type Answer = readonly [entries: readonly Entry[], checked: readonly Entry[]];

/** Makes the steps. */
export function createReadSteps({ reads, replicas, sizes }: ReadStepsParts): ReadSteps {
  const read = async (command: readonly Argument[]): Promise<readonly Entry[]> =>
    entriesOf(await refusing(reads.call(...command)));

  /** @param isWhole whether a replica that has these has all that its master has of the step */
  async function ofReplica(
    key: string,
    command: readonly Argument[],
    check: readonly Argument[] | undefined,
    isWhole: (answer: Answer) => boolean,
  ): Promise<Answer | undefined> {
    const [found, checked] = (await replicas?.ask(key, command, ...(check ? [check] : []))) ?? [];
    if (found === undefined) return undefined;
    const answer: Answer = [entriesOf(found), checked === undefined ? [] : entriesOf(checked)];
    return isWhole(answer) ? answer : undefined;
  }

  /** With a check both are one transaction: a stream that is deleted and created again between the two would hide a gap. */
  async function ofMaster(command: readonly Argument[], check?: readonly Argument[]): Promise<Answer> {
    if (check === undefined) return [await read(command), []];
    const [checked = null, found = null] = await refusing(
      new Promise<readonly Reply[]>((resolve, reject) => {
        reads.transact([check, command], (error, replies) => {
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
      const command = ["XRANGE", key, exclusive(cursor), "+", "COUNT", count];
      const checkFirst = cursor === FIRST_ID ? undefined : ["XRANGE", key, "-", "+", "COUNT", 1];
      const isFull = ([entries]: Answer) => entries.length >= count;
      const full = replicas && (await ofReplica(key, command, checkFirst, isFull));
      const [entries, [oldest]] = full ?? (await ofMaster(command, checkFirst));
      sizes.learn(key, entries);
      return {
        entries,
        isLast: entries.length < count,
        hasGap: oldest !== undefined && compareIds(oldest.id, cursor) > 0,
        isGone: full === undefined && checkFirst !== undefined && oldest === undefined,
      };
    },

    async range(command, key, start, end, count) {
      const whole = [command, key, start, end, "COUNT", count];
      const isForward = command === "XRANGE";
      // Newest first, a replica has all if it has something at the start, or behind it.
      const check = isForward ? undefined : ["XRANGE", key, start.replace("(", ""), "+", "COUNT", 1];
      const isFull = ([entries, ahead]: Answer) =>
        entries.length >= count && (isForward || ahead.length === 1);
      const mayBeFull = replicas !== undefined && (isForward || start !== "+");
      const full = mayBeFull ? await ofReplica(key, whole, check, isFull) : undefined;
      const [entries] = full ?? (await ofMaster(whole));
      sizes.learn(key, entries);
      return entries;
    },
  };
}

/** The start of a range that leaves the cursor itself out (Redis 6.2: `XRANGE key (id …`). */
export const exclusive = (cursor: EntryId): string => (cursor === FIRST_ID ? "-" : `(${cursor}`);
