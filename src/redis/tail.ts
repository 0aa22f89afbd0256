/**
 * A tail reads, over one connection, whatever is added to any of the streams it watches, once, for all readers.
 * How it learns that a stream grew differs (`tracking-tail.ts`, `blocking-tail.ts`, `cluster/tail.ts`); what it promises does not:
 * of each watched stream every entry after the given id, in order, none twice, also over a lost connection.
 */

import type { Entry } from "../domain/entry.ts";
import { compareIds, type EntryId, FIRST_ID } from "../domain/entry-id.ts";
import type { Commands } from "./commands.ts";
import { entriesByKey, entriesOf } from "./entry-reply.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import type { Reply } from "./resp-reader.ts";

/** New entries of one stream, as one read brought them. */
export interface TailRead {
  readonly key: string;
  /** The id that the read started behind. */
  readonly after: EntryId;
  /** At least one. */
  readonly entries: readonly Entry[];
  /** Entries between `after` and the first may have been trimmed away before the tail came. */
  readonly hasGap: boolean;
}

/** Reads watched streams as they grow. */
export interface Tail {
  /** Starts to read a stream behind an id. Watching a stream again moves it there. */
  watch(key: string, after: EntryId): void;
  /** Stops to read a stream. */
  unwatch(key: string): void;
  close(): void;
}

/** Where a tail's reads go: all streams of one read in one call, so that what belongs to a turn stays together; or none.
 * Answers whether somebody still uses the entries when it returns. */
export type OnTailReads = (reads: readonly TailRead[]) => boolean;

/** Entries of a stream were removed, and nothing is behind what has been read of it: what is remembered of it may be gone. */
export type OnTailRemoval = (key: string) => void;

/** Bytes that one XREAD may be expected to bring, over all its streams. */
const READ_BYTES = 2 * 1024 * 1024;
/** Most entries per stream of one XREAD, however small they are. */
const MOST_ENTRIES = 1000;

/** One XREAD to send: its streams, where each is read from, and its COUNT, which Redis applies per stream. */
export interface ReadPlan {
  /** Where each stream is read from. */
  readonly asked: ReadonlyMap<string, EntryId>;
  readonly count: number;
}

/**
 * Takes streams for one XREAD so that its reply stays near `READ_BYTES`: `COUNT` is per stream, so the streams
 * times it times their entries' size is what comes.
 *
 * @param candidates stream keys that may have something new, in order of urgency
 */
export function planRead(
  candidates: Iterable<string>,
  positions: ReadonlyMap<string, EntryId>,
  sizes: EntrySizes,
): ReadPlan {
  const asked = new Map<string, EntryId>();
  let bytes = 0;
  for (const key of candidates) {
    const position = positions.get(key);
    if (position === undefined) continue;
    const expected = sizes.expected(key);
    if (asked.size > 0 && bytes + expected > READ_BYTES) break;
    asked.set(key, position);
    bytes += expected;
  }
  const count = Math.max(1, Math.min(MOST_ENTRIES, Math.floor(READ_BYTES / Math.max(1, bytes))));
  return { asked, count };
}

/**
 * Makes reads of an XREAD reply and moves the watched positions behind them.
 *
 * @param asked where each stream of the read was read from
 * @param positions the watched streams; one that was unwatched or moved meanwhile is left out
 */
export function advance(
  reply: Reply,
  asked: ReadonlyMap<string, EntryId>,
  positions: Map<string, EntryId>,
  sizes: EntrySizes,
): TailRead[] {
  const reads: TailRead[] = [];
  for (const [key, entries] of entriesByKey(reply)) {
    const after = asked.get(key);
    const last = entries[entries.length - 1];
    if (after === undefined || last === undefined || positions.get(key) !== after) continue;
    sizes.learn(key, entries);
    positions.set(key, last.id);
    reads.push({ key, after, entries, hasGap: false });
  }
  return reads;
}

/**
 * Of a stream of one entry, whether that is all that was ever added to it (1). A stream that is kept at one entry had more.
 * By a script, because XINFO's reply holds the entry itself, twice.
 */
const IS_ONLY_ENTRY = `if redis.call('XLEN', KEYS[1]) ~= 1 then return 0 end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do if info[i] == 'entries-added' and info[i + 1] == 1 then return 1 end end
return 0`;

/**
 * Hands reads on, after it has found out which of those that may have come too late have a gap before them: those whose
 * first entry is the stream's first, so that the entry they continue is gone, and whatever stood between. Of one entry
 * alone that is no sign, because a stream that is kept at one entry always looks like that; there it has to be the only
 * one ever (Redis 7 on), of a stream that was made again. Nor is there a gap before the beginning.
 *
 * @param suspects the reads to ask about
 * @param connection the one that was read over, so that the answers come before those of the next read
 * @param onReads called once: at once where nothing is to be asked
 */
export function handOn(
  reads: readonly TailRead[],
  suspects: readonly TailRead[],
  positions: ReadonlyMap<string, EntryId>,
  connection: Pick<Commands, "send">,
  onReads: (reads: readonly TailRead[]) => void,
): void {
  const asked = suspects.filter(({ after }) => after !== FIRST_ID);
  const late = new Set<TailRead>();
  let missing = asked.length;
  if (missing === 0) onReads(reads);
  for (const one of asked) {
    const first = one.entries[0]?.id ?? FIRST_ID;
    const isAlone = one.entries.length === 1;
    const question = isAlone
      ? ["EVAL", IS_ONLY_ENTRY, 1, one.key]
      : ["XRANGE", one.key, "-", first, "COUNT", 1];
    connection.send(question, (error, reply) => {
      if (error === undefined && (isAlone ? reply === 1 : beginsWith(reply, first))) late.add(one);
      if (--missing > 0) return;
      // Meanwhile a stream may have been unwatched or moved.
      const wanted = reads.filter(
        ({ key, entries }) => positions.get(key) === entries[entries.length - 1]?.id,
      );
      onReads(wanted.map((read) => (late.has(read) ? { ...read, hasGap: true } : read)));
    });
  }
}

/** Whether the oldest entry of a stream is that one, or gone by now. */
function beginsWith(reply: Reply, first: EntryId): boolean {
  const [oldest] = entriesOf(reply);
  return oldest === undefined || compareIds(oldest.id, first) === 0;
}
