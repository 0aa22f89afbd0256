/**
 * Tail: reads new entries of all watched streams over one connection, once for all readers. Implementations differ in how
 * they detect growth (`tracking-tail.ts`, `blocking-tail.ts`, `cluster-tail.ts`). All guarantee that each watched stream
 * delivers every entry after the given id, in order, without duplicates, even across lost connections.
 */

import type { Entry } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import type { GatewayError } from "../../domain/errors.ts";
import { entriesByKey } from "../read/entry-decoder.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import type { Continuity } from "./continuity.ts";

/** New entries of one stream from one read. */
export interface TailRead {
  readonly key: string;
  /** Id after which the read started. */
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
  /** Starts reading a stream after an id. Watching it again moves its position. */
  watch(key: string, after: EntryId): void;
  /** Whether the tail detects removed entries before new ones are added. */
  noticesRemovals(): boolean;
  /** Stops reading a stream. */
  unwatch(key: string): void;
  close(): void;
}

/**
 * Receives the entries of a read, all streams in one call, so that they stay in one event-loop turn.
 *
 * @returns whether the entries are still in use after the call
 */
export type OnTailReads = (reads: readonly TailRead[]) => boolean;

/**
 * Entries of a stream were removed, and nothing follows the tail's position: entries kept in memory may no longer exist.
 *
 * @param isNewLife the stream was created again, and ids up to the position are used again for other entries
 */
export type OnTailRemoval = (key: string, isNewLife: boolean) => void;

/** Redis does not permit the gateway to read a stream. */
export type OnTailForbidden = (key: string, error: GatewayError) => void;

/** Events of a tail besides its reads. */
export interface TailEvents {
  /** Called if the tail can detect it. */
  readonly onRemoval?: OnTailRemoval | undefined;
  readonly onForbidden?: OnTailForbidden | undefined;
}

/** Expected reply size of one XREAD over all its streams. */
const READ_BYTES = 2 * 1024 * 1024;
/** Maximum entries per stream of one XREAD, however small they are. */
const MAX_ENTRIES = 1000;

/** One XREAD to send: its streams with their positions, and its COUNT, which Redis applies per stream. */
export interface ReadPlan {
  /** Position after which each stream is read. */
  readonly from: ReadonlyMap<string, EntryId>;
  readonly count: number;
}

/**
 * Selects streams for one XREAD so that its reply stays near `READ_BYTES`. `COUNT` is per stream, so the expected reply
 * is the sum of the streams' entry sizes, times `COUNT`.
 *
 * @param candidates keys of streams that may have new entries, most urgent first
 */
export function planRead(
  candidates: Iterable<string>,
  positions: ReadonlyMap<string, EntryId>,
  sizes: EntrySizes,
): ReadPlan {
  const from = new Map<string, EntryId>();
  let bytes = 0;
  for (const key of candidates) {
    const position = positions.get(key);
    if (position === undefined) continue;
    const expected = sizes.expected(key);
    if (from.size > 0 && bytes + expected > READ_BYTES) break;
    from.set(key, position);
    bytes += expected;
  }
  const count = Math.max(1, Math.min(MAX_ENTRIES, Math.floor(READ_BYTES / Math.max(1, bytes))));
  return { from, count };
}

/** A transaction that read streams. */
export interface ReadReplies extends ReadPlan {
  /** The reply to the check of each stream, then the reply to `XREAD`. */
  readonly replies: readonly Reply[];
}

/** State that a tail passes to `takeReads`. */
export interface ReadState {
  readonly positions: Map<string, EntryId>;
  readonly sizes: EntrySizes;
  readonly continuity: Continuity;
  readonly onRemoval?: OnTailRemoval | undefined;
  /** A stream must be read again: it has more entries, its position changed, or its check was inconclusive. */
  readonly onAgain: (key: string) => void;
}

/** Commands of a transaction that reads streams: a check of each, and the read. */
export const readCommands = (
  { from, count }: ReadPlan,
  continuity: Continuity,
): readonly (readonly Argument[])[] => [
  ...[...from].map(([key, position]) => continuity.check(key, position)),
  ["XREAD", "COUNT", count, "STREAMS", ...from.keys(), ...from.values()],
];

/** The error of the `XREAD` in a transaction. */
export function errorIn(replies: readonly Reply[]): ReplyError | undefined {
  const reply = replies[replies.length - 1];
  return reply instanceof ReplyError ? reply : undefined;
}

/**
 * Takes the entries of a transaction, judges whether they continue the previous ones, and moves the positions past them.
 * Streams that were unwatched or moved in the meantime are skipped.
 */
export function takeReads({ from, count, replies }: ReadReplies, state: ReadState): TailRead[] {
  const { positions, sizes, continuity, onRemoval, onAgain } = state;
  const found = new Map(entriesByKey(replies[replies.length - 1] ?? null));
  const reads: TailRead[] = [];
  let index = 0;
  for (const [key, after] of from) {
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
