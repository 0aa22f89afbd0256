/**
 * Continuity check of a tail: detects whether a read continues the previous one, or entries in between were trimmed, or
 * the stream was deleted and created again.
 *
 * Each read is one transaction of a check and the `XREAD`, so no write can happen between the two. The check has two forms:
 *
 * - `XLEN`, the usual one. It shows that enough older entries still exist, so that none between them and the new ones was
 *   trimmed, and that they do not belong to a new life of the stream.
 * - The facts of the stream (`stream-facts.ts`), if too few older entries are left, and every `LENGTHS_IN_A_ROW` reads.
 *
 * A read with an inconclusive length is discarded and repeated with the facts.
 */
import type { Entry } from "../../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../../domain/entry-id.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import type { Reply } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import {
  detailsCommand,
  factsCommand,
  factsOf,
  factsOfDetails,
  markOf,
  type StreamFacts,
} from "./stream-facts.ts";

/**
 * Result of a check. `gap`: entries between the position and the first one read may be missing. `new life`: the stream was
 * created again, and ids up to the position now belong to other entries. `unclear`: the read must be repeated.
 */
export type Verdict = "continues" | "gap" | "new life" | "unclear";

/** Remembered state of a stream at the tail's position. */
export interface StreamMemory {
  /** Lower bound of the entries added up to the position. */
  added?: number | undefined;
  length?: number | undefined;
  /** Sample of the payload at the position. */
  mark?: string | undefined;
  /** The stream that the position belongs to no longer exists. */
  isEnded: boolean;
  /** All entries up to the position are read, so the next check may be by length. */
  isCaughtUp: boolean;
  /** Remaining checks by facts after an inconclusive length, as in a stream that is trimmed with every entry. */
  doubts: number;
  /** Checks by length since the last one by facts. */
  lengths: number;
  /** The facts may be requested by `detailsCommand`. */
  mayUseDetails: boolean;
  /** Last id that the stream had generated at the last facts: entries up to it are in `added` and `length` already. */
  counted?: EntryId | undefined;
}

/** The form of a check. */
type CheckForm = "length" | "script" | "details";

/** One read to be judged. */
export interface CheckedRead {
  readonly key: string;
  readonly position: EntryId;
  readonly entries: readonly Entry[];
  /** `COUNT` of the read. */
  readonly count: number;
  /** The reply to the check. */
  readonly answer: Reply;
}

/** Checks of one tail. */
export interface Continuity {
  /** The check of a stream, to be sent right before its read in the same transaction. */
  check(key: string, position: EntryId): readonly Argument[];
  /** Judges a read and updates the remembered state. */
  judge(read: CheckedRead): {
    readonly verdict: Verdict;
    readonly isCut: boolean;
    readonly isShorter: boolean;
  };
  /** Call when the tail takes entries that directly follow its position without reading them. */
  grow(key: string, entries: readonly Entry[]): void;
  /** Whether the stream that the position belongs to no longer exists, so that equal ids mean other entries. */
  isEnded(key: string): boolean;
  /**
   * Call when another server replies from now on: a promoted replica, or a restarted server. It may lack the last entries
   * that the tail read, so a lower count does not prove that the stream was created again.
   *
   * @param key the stream that has moved; if absent, all streams
   */
  serverChanged(key?: string): void;
  /** Whether a stream was checked since it has been watched. */
  knows(key: string): boolean;
  forget(key: string): void;
}

/** Number of remaining older entries that, with a matching length, rules out a new life. */
const ENOUGH_OLDER = 64;
/** Checks by facts after an inconclusive length; each inconclusive length costs a discarded read. */
const DOUBTS = 8;
/** Checks by length before the next one by facts, which detects a new life that looks like the old one. */
const LENGTHS_IN_A_ROW = 16;
/** Entry size (bytes) from which copying payloads into Lua dominates the cost of a read. */
const LARGE_BYTES = 4096;

/** Creates the checks of a tail. @param canRunScripts false if the server does not permit scripts */
export function createContinuity(sizes: EntrySizes, canRunScripts: () => boolean): Continuity {
  const memories = new Map<string, StreamMemory>();

  function memoryOf(key: string): StreamMemory {
    const known = memories.get(key) ?? { ...NOTHING_KNOWN };
    memories.set(key, known);
    return known;
  }

  const isLarge = (key: string) => sizes.expected(key) >= LARGE_BYTES;

  /**
   * Entries at or below the position that prove, with the length, that a stream is the same. For large entries a new life
   * cannot have that many: the clock of Redis has reached the position's time, so generated ids are above the position,
   * except those of the same millisecond. While a mark is kept, the mark is compared instead.
   */
  function leastOlder({ mark }: StreamMemory, key: string, position: EntryId): number {
    if (mark !== undefined || !isLarge(key)) return ENOUGH_OLDER;
    const sequence = Number(position.slice(position.indexOf("-") + 1));
    return Math.min(ENOUGH_OLDER, sequence + 2);
  }

  function formOf(key: string, position: EntryId): CheckForm {
    if (!canRunScripts()) return "length";
    const memory = memoryOf(key);
    const { length = 0, isCaughtUp, isEnded, doubts, lengths, mark, mayUseDetails } = memory;
    const large = isLarge(key);
    // More than the minimum: a stream that is trimmed with every entry has one older entry fewer after each read.
    const isEnough = length > leastOlder(memory, key, position) && lengths < LENGTHS_IN_A_ROW;
    if (isCaughtUp && !isEnded && doubts === 0 && isEnough) return "length";
    // The details contain a mark of the first entry only.
    return large && mayUseDetails && (mark === undefined || length <= 1) ? "details" : "script";
  }

  function judgeLength(memory: StreamMemory, read: CheckedRead, length: number): Verdict {
    const { key, position, entries, count } = read;
    const older = length - entries.length;
    const adds = older === memory.length;
    // Small entries are checked by facts after each trimming, which is cheap.
    const isTrimmed = isLarge(key) && entries.length > 0 && older < (memory.length ?? 0);
    const isEnough = older >= leastOlder(memory, key, position);
    const isConclusive = entries.length < count && (adds || isTrimmed) && isEnough;
    if (!isConclusive) memory.doubts = DOUBTS;
    // The stream changed without a newer entry: it may have been replaced by one of the same length.
    const mayBeReplaced = entries.length === 0 && memory.mayUseDetails;
    if (!isConclusive || mayBeReplaced) {
      memory.isCaughtUp = false;
      return "unclear";
    }
    remember(memory, entries);
    memory.length = length;
    memory.lengths++;
    return "continues";
  }

  function judgeFacts(memory: StreamMemory, read: CheckedRead, facts: StreamFacts) {
    const { position, entries, count } = read;
    const last = entries[entries.length - 1];
    const isCut = entries.length >= count && last !== undefined && last.id !== facts.lastGenerated;
    const verdict = judgeContinuity(position, entries, isCut, memory, facts);
    const isShorter =
      entries.length === 0 && (facts.length === 0 || facts.length < (memory.length ?? facts.length));
    const isOver = memory.isEnded || isAnother(memory, facts);
    if (isCut) remember(memory, entries);
    else {
      memory.added = facts.exists ? facts.added : 0;
      memory.counted = facts.lastGenerated;
    }
    memory.length = facts.length;
    memory.mark = last === undefined ? facts.mark : markIn(memory, last);
    // Ended until an entry of the new life is read, or the reader knows that some exist at or below its position.
    const isSettled = entries.length > 0 || verdict === "new life";
    memory.isEnded = !isSettled && position !== FIRST_ID && (isOver || !facts.exists);
    memory.doubts = Math.max(0, memory.doubts - 1);
    memory.isCaughtUp = !isCut;
    memory.lengths = 0;
    memory.mayUseDetails = facts.mayUseDetails;
    return { verdict, isCut, isShorter };
  }

  /** Judges without scripts: a gap is inferred only from the number of entries that the stream holds. */
  function judgeWithoutScript(memory: StreamMemory, read: CheckedRead, length: number) {
    const { position, entries, count } = read;
    const isCut = entries.length >= count && length > count;
    const isShorter = entries.length === 0 && (length === 0 || length < (memory.length ?? length));
    const wasLonger = (memory.length ?? 0) > 1;
    const mayLack = length <= entries.length && (entries.length > 1 || wasLonger);
    const isGap = position !== FIRST_ID && entries.length > 0 && (isCut || mayLack);
    memory.length = length;
    return { verdict: isGap ? ("gap" as const) : ("continues" as const), isCut, isShorter };
  }

  return {
    check(key, position) {
      const form = formOf(key, position);
      if (form === "length") return ["XLEN", key];
      return form === "details" ? detailsCommand(key) : factsCommand(key, position);
    },
    judge(read) {
      const memory = memoryOf(read.key);
      const { answer, position } = read;
      if (typeof answer === "number") {
        if (!canRunScripts()) return judgeWithoutScript(memory, read, answer);
        return { verdict: judgeLength(memory, read, answer), isCut: false, isShorter: false };
      }
      const facts = factsOf(answer) ?? factsOfDetails(answer, position);
      if (facts !== undefined) return judgeFacts(memory, read, facts);
      if (memory.mayUseDetails) {
        // The server does not support the details.
        memory.mayUseDetails = false;
        return { verdict: "unclear", isCut: false, isShorter: false };
      }
      // The script itself may not run one of its commands: the length is unknown.
      return judgeWithoutScript(memory, read, Number.POSITIVE_INFINITY);
    },
    grow(key, entries) {
      const memory = memories.get(key);
      if (memory !== undefined) remember(memory, entries);
    },
    serverChanged(key) {
      for (const memory of key === undefined ? memories.values() : [memoryOf(key)]) {
        memory.added = undefined;
        memory.isCaughtUp = false;
      }
    },
    isEnded: (key) => memories.get(key)?.isEnded === true,
    knows: (key) => memories.get(key)?.length !== undefined,
    forget: (key) => void memories.delete(key),
  };
}

const NOTHING_KNOWN: StreamMemory = {
  isEnded: false,
  isCaughtUp: false,
  doubts: 0,
  lengths: 0,
  mayUseDetails: false,
};

/** Advances the remembered state past entries that directly follow the position. */
function remember(memory: StreamMemory, entries: readonly Entry[]): void {
  const last = entries[entries.length - 1];
  if (last === undefined) return;
  const fresh = freshIn(memory, entries);
  if (memory.length !== undefined) memory.length += fresh;
  if (memory.added !== undefined) memory.added += fresh;
  memory.mark = markIn(memory, last);
}

/**
 * Number of entries that the last facts do not include. An entry that was deleted before that read is counted in
 * `added`, but was not read: it may still arrive by the loopback, and counting it twice would make the stream look recreated.
 */
function freshIn({ counted }: StreamMemory, entries: readonly Entry[]): number {
  const [first] = entries;
  if (counted === undefined || first === undefined || compareIds(first.id, counted) > 0)
    return entries.length;
  return entries.filter(({ id }) => compareIds(id, counted) > 0).length;
}

/** Mark of an entry, kept only for short streams: only there can a new life look like a continuation. */
const markIn = ({ added = ENOUGH_OLDER }: StreamMemory, last: Entry): string | undefined =>
  added < ENOUGH_OLDER ? markOf(last) : undefined;

/** Whether a stream is another one than the remembered stream. */
function isAnother(memory: StreamMemory, { added, mark }: StreamFacts): boolean {
  if (added !== undefined && memory.added !== undefined && added < memory.added) return true;
  return mark !== undefined && memory.mark !== undefined && mark !== memory.mark;
}

/**
 * Judges a read by the facts of the same transaction.
 *
 * @param isCut more entries follow those that were read
 */
export function judgeContinuity(
  position: EntryId,
  entries: readonly Entry[],
  isCut: boolean,
  memory: StreamMemory,
  facts: StreamFacts,
): "continues" | "gap" | "new life" {
  if (position === FIRST_ID || !facts.exists) return "continues";
  const hasOlder = facts.first !== undefined && compareIds(facts.first, position) <= 0;
  if (memory.isEnded || isAnother(memory, facts)) {
    if (hasOlder) return "new life";
    return entries.length > 0 ? "gap" : "continues";
  }
  if (facts.hasPosition || hasOlder || entries.length === 0) return "continues";
  if (facts.added === undefined) {
    // Before Redis 7.0, a stream trimmed to one entry is indistinguishable from one that was created again.
    const mayBeAlone = entries.length === 1 && facts.length === 1 && (memory.length ?? 1) <= 1;
    return mayBeAlone ? "continues" : "gap";
  }
  const isComplete = !isCut && memory.added !== undefined && facts.added === memory.added + entries.length;
  return isComplete ? "continues" : "gap";
}
