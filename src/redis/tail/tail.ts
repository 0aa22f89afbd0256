/**
 * A tail reads, over one connection, whatever is added to any of the streams it watches, once, for all readers.
 * How it learns that a stream grew differs (`tracking-tail.ts`, `blocking-tail.ts`, `cluster/tail.ts`); what it promises does not:
 * of each watched stream every entry after the given id, in order, none twice, also over a lost connection.
 */

import type { Entry } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import type { GatewayError } from "../../domain/errors.ts";
import { entriesByKey } from "../read/entry-decoder.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import type { Continuity } from "./continuity.ts";

/** New entries of one stream, as one read brought them. */
export interface TailRead {
  readonly key: string;
  /** The id that the read started behind. */
  readonly after: EntryId;
  /** At least one. */
  readonly entries: readonly Entry[];
  /** Entries between `after` and the first may have been trimmed or deleted before the tail read the stream. */
  readonly hasGap: boolean;
  /** The stream was created again, and ids up to `after` are used again for other entries. */
  readonly isNewLife: boolean;
}

/** Reads watched streams as they grow. */
export interface Tail {
  /** Starts to read a stream behind an id. Watching a stream again moves it there. */
  watch(key: string, after: EntryId): void;
  /** Whether the tail notices that entries were removed before others are added. */
  noticesRemovals(): boolean;
  /** Stops to read a stream. */
  unwatch(key: string): void;
  close(): void;
}

/** Where a tail's reads go: all streams of one read in one call, so that what belongs to a turn stays together; or none.
 * Answers whether somebody still uses the entries when it returns. */
export type OnTailReads = (reads: readonly TailRead[]) => boolean;

/**
 * Entries of a stream were removed, and nothing follows the tail's position: entries kept in memory may no longer exist.
 *
 * @param isNewLife the stream was created again, and ids up to the position are used again for other entries
 */
export type OnTailRemoval = (key: string, isNewLife: boolean) => void;

/** Redis does not permit the gateway to read a stream. */
export type OnTailRefused = (key: string, error: GatewayError) => void;

/** Events of a tail besides its reads. */
export interface TailEvents {
  /** Called where the tail can know it. */
  readonly onRemoval?: OnTailRemoval | undefined;
  readonly onRefused?: OnTailRefused | undefined;
}

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

/** A transaction that read streams. */
export interface ReadReplies extends ReadPlan {
  /** For each stream the reply to its check, and last the reply to `XREAD`. */
  readonly replies: readonly Reply[];
}

/** What a tail keeps while it takes what it read. */
export interface ReadState {
  readonly positions: Map<string, EntryId>;
  readonly sizes: EntrySizes;
  readonly continuity: Continuity;
  readonly onRemoval?: OnTailRemoval | undefined;
  /** A stream must be read again: it has more, its position changed meanwhile, or its check was not conclusive. */
  readonly onAgain: (key: string) => void;
}

/** The commands of a transaction that reads streams: a check of each, and the read. */
export const readCommands = (
  { asked, count }: ReadPlan,
  continuity: Continuity,
): readonly (readonly Argument[])[] => [
  ...[...asked].map(([key, position]) => continuity.check(key, position)),
  ["XREAD", "COUNT", count, "STREAMS", ...asked.keys(), ...asked.values()],
];

/** The error that failed the `XREAD` of a transaction. */
export function errorIn(replies: readonly Reply[]): ReplyError | undefined {
  const reply = replies[replies.length - 1];
  return reply instanceof ReplyError ? reply : undefined;
}

/**
 * Takes what a transaction read, judges whether it continues what was read before, and moves the positions past it.
 * Streams that were unwatched or moved meanwhile are left out.
 */
export function takeReads({ asked, count, replies }: ReadReplies, state: ReadState): TailRead[] {
  const { positions, sizes, continuity, onRemoval, onAgain } = state;
  const found = new Map(entriesByKey(replies[replies.length - 1] ?? null));
  const reads: TailRead[] = [];
  let index = 0;
  for (const [key, after] of asked) {
    const answer = replies[index++] ?? null;
    const position = positions.get(key);
    if (position === undefined) continue;
    if (position !== after) {
      onAgain(key);
      continue;
    }
    const entries = found.get(key) ?? [];
    const { verdict, isCut, isShorter } = continuity.judge({ key, position, entries, count, answer });
    if (isCut || verdict === "unclear") onAgain(key);
    if (verdict === "unclear") continue;
    const last = entries[entries.length - 1];
    const isNewLife = verdict === "new life";
    if (last === undefined) {
      if (isShorter || isNewLife) onRemoval?.(key, isNewLife);
      continue;
    }
    sizes.learn(key, entries);
    positions.set(key, last.id);
    reads.push({ key, after, entries, hasGap: verdict !== "continues", isNewLife });
  }
  return reads;
}
