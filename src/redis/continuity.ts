/**
 * Detects whether what a tail reads of a stream continues what it read before: entries in between may have been trimmed,
 * or the stream was deleted and created again.
 *
 * Each read is one transaction of a check and the `XREAD`, so no writer gets between the two. The check has two forms:
 *
 * - `XLEN`, the usual one of a long stream. The stream is longer by exactly the entries read, so no older entry left it.
 * - a script, where that does not hold, or the stream is short. It reports whether the entry at the tail's position
 *   is still there, with the same content, the first id, and how many entries were ever added (from Redis 7.0).
 *
 * A read whose length does not add up is discarded and repeated with the script.
 */
import type { Entry } from "../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../domain/entry-id.ts";
import type { Argument } from "./command-writer.ts";
import type { Reply } from "./resp-reader.ts";

/**
 * Result of a check. `gap`: entries between the position and the first one read may be missing. `new life`: the stream was
 * created again, and ids up to the position are used again, for other entries. `unclear`: the read must be repeated.
 */
export type Verdict = "continues" | "gap" | "new life" | "unclear";

/** What the script reports of a stream. */
export interface StreamFacts {
  readonly exists: boolean;
  readonly length: number;
  /** Undefined in an empty stream. */
  readonly first: EntryId | undefined;
  readonly lastGenerated: EntryId | undefined;
  /** Entries added since the stream was created; undefined before Redis 7.0. */
  readonly added: number | undefined;
  /** The entry at the position is there. */
  readonly hasPosition: boolean;
  /** Sample of that entry's payload; undefined where it has other fields than `d`. */
  readonly mark: string | undefined;
}

/** What is known of a stream at the tail's position. */
export interface StreamMemory {
  /** Entries added up to the position, at least. */
  added?: number | undefined;
  length?: number | undefined;
  /** Sample of the payload at the position. */
  mark?: string | undefined;
  /** The stream that the position belongs to no longer exists. */
  isEnded: boolean;
  /** `XLEN` is enough for the next check. */
  isPlain: boolean;
  /** Checks by script still to come because a length did not add up, as in a stream that is trimmed with every entry. */
  doubts: number;
}

/** One read, as it is judged. */
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
  /** Judges a read and remembers the stream as it is after it. */
  judge(read: CheckedRead): {
    readonly verdict: Verdict;
    readonly isCut: boolean;
    readonly isShorter: boolean;
  };
  /** The tail takes entries that directly follow its position and that it did not read. */
  grow(key: string, entries: readonly Entry[]): void;
  /** Whether the stream that the position belongs to no longer exists: an entry of the same id is another one. */
  isEnded(key: string): boolean;
  /** Whether a stream was checked since it is watched. */
  knows(key: string): boolean;
  forget(key: string): void;
}

/** Streams of at least this many older entries are checked by their length. */
const PLAIN_FROM = 64;
/** Checks by script after a length that did not add up: each such length costs a discarded read. */
const DOUBTS = 8;
/** Bytes from either end of a payload that are compared. */
const MARK_BYTES = 128;

/** KEYS: the stream. ARGV: the position. */
const FACTS = `local length = redis.call('XLEN', KEYS[1])
local at = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
local mark = false
if at and #at[2] == 2 and at[2][1] == 'd' then
  local data = at[2][2]
  mark = #data .. ':' .. string.sub(data, 1, ${MARK_BYTES}) .. string.sub(data, -${MARK_BYTES})
end
local out = {length, at and 1 or 0, mark, '', '', -1, 0}
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then
  out[7] = (string.find(info.err, 'no such key', 1, true) or length == 0) and 0 or 1
  return out
end
out[7] = 1
for i = 1, #info, 2 do
  local name, value = info[i], info[i + 1]
  if name == 'entries-added' then out[6] = value
  elseif name == 'last-generated-id' then out[5] = value
  elseif name == 'first-entry' and value then out[4] = value[1] end
end
return out`;

/** Makes the checks of a tail that has read nothing. @param canRunScripts false where the server refuses scripts */
export function createContinuity(canRunScripts: () => boolean = () => true): Continuity {
  const memories = new Map<string, StreamMemory>();

  function memoryOf(key: string): StreamMemory {
    const known = memories.get(key) ?? { isEnded: false, isPlain: false, doubts: 0 };
    memories.set(key, known);
    return known;
  }

  function judgeLength(memory: StreamMemory, { entries, count }: CheckedRead, length: number): Verdict {
    const isFull = entries.length >= count;
    const adds = memory.length !== undefined && length === memory.length + entries.length;
    if (isFull || !adds || length - entries.length < PLAIN_FROM) {
      memory.isPlain = false;
      memory.doubts = DOUBTS;
      return "unclear";
    }
    remember(memory, entries);
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
    else memory.added = facts.exists ? facts.added : 0;
    memory.length = facts.length;
    memory.mark = last === undefined ? facts.mark : markIn(memory, last);
    // Until an entry of the new life is read, or the reader knows that there are some at or below its position.
    const isSettled = entries.length > 0 || verdict === "new life";
    memory.isEnded = !isSettled && position !== FIRST_ID && (isOver || !facts.exists);
    memory.doubts = Math.max(0, memory.doubts - 1);
    memory.isPlain = !isCut && !memory.isEnded && memory.doubts === 0 && facts.length >= PLAIN_FROM;
    return { verdict, isCut, isShorter };
  }

  /** Without scripts: entries that directly follow the position are recognised only by what else the stream holds. */
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
      return memoryOf(key).isPlain || !canRunScripts() ? ["XLEN", key] : ["EVAL", FACTS, 1, key, position];
    },
    judge(read) {
      const memory = memoryOf(read.key);
      const { answer } = read;
      if (typeof answer !== "number") {
        const facts = factsOf(answer);
        // The script may not run a command of its own: the length is then unknown.
        return facts === undefined
          ? judgeWithoutScript(memory, read, Number.POSITIVE_INFINITY)
          : judgeFacts(memory, read, facts);
      }
      if (!canRunScripts()) return judgeWithoutScript(memory, read, answer);
      return { verdict: judgeLength(memory, read, answer), isCut: false, isShorter: false };
    },
    grow(key, entries) {
      const memory = memories.get(key);
      if (memory !== undefined) remember(memory, entries);
    },
    isEnded: (key) => memories.get(key)?.isEnded === true,
    knows: (key) => memories.get(key)?.length !== undefined,
    forget: (key) => void memories.delete(key),
  };
}

/** Moves what is known past entries that directly follow the position. */
function remember(memory: StreamMemory, entries: readonly Entry[]): void {
  const last = entries[entries.length - 1];
  if (last === undefined) return;
  if (memory.length !== undefined) memory.length += entries.length;
  if (memory.added !== undefined) memory.added += entries.length;
  memory.mark = markIn(memory, last);
}

/** The mark of an entry, where it is needed: a new life that looks as if it continued the old one has as few entries. */
const markIn = ({ added = PLAIN_FROM }: StreamMemory, last: Entry): string | undefined =>
  added < PLAIN_FROM ? markOf(last) : undefined;

/** Whether a stream is another one than the one that is known. */
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
    // Before Redis 7.0 a stream that is kept at one entry cannot be told from one that was created again.
    const mayBeAlone = entries.length === 1 && facts.length === 1 && (memory.length ?? 1) <= 1;
    return mayBeAlone ? "continues" : "gap";
  }
  const isComplete = !isCut && memory.added !== undefined && facts.added === memory.added + entries.length;
  return isComplete ? "continues" : "gap";
}

function factsOf(reply: Reply): StreamFacts | undefined {
  if (!Array.isArray(reply)) return undefined;
  const [length, hasPosition, mark, first, last, added, exists] = reply;
  if (typeof length !== "number" || typeof added !== "number") return undefined;
  const idOf = (id: Reply | undefined) =>
    id == null || String(id) === "" ? undefined : (String(id) as EntryId);
  return {
    exists: exists === 1,
    length,
    first: idOf(first),
    lastGenerated: idOf(last),
    added: added < 0 ? undefined : added,
    hasPosition: hasPosition === 1,
    mark: Buffer.isBuffer(mark) ? mark.toString("latin1") : undefined,
  };
}

/** Sample of an entry's payload, as the script makes it. */
function markOf({ data, fields }: Entry): string | undefined {
  if (fields !== undefined) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  const head = bytes.toString("latin1", 0, MARK_BYTES);
  return `${data.length}:${head}${bytes.toString("latin1", Math.max(0, data.length - MARK_BYTES))}`;
}
