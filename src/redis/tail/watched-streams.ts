/**
 * Watched streams of a tail: their positions, which of them may have grown, and the continuity check of each read. Tails
 * differ only in how they detect growth and send the reads.
 */

import type { Logger } from "../../domain/logger.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import { entriesByKey } from "../read/entry-decoder.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { gatewayErrorOf, isPermissionError } from "../reply-errors.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { createScriptSupport, type ScriptSupport } from "../resp/server/script-support.ts";
import type { Argument } from "../resp/writer.ts";
import { Continuity } from "./continuity.ts";
import type { TailEvents, TailRead } from "./tail.ts";

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

/** Options of `WatchedStreams`. */
export interface WatchedStreamsOptions extends TailEvents {
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly logger: Logger;
}

/** The error of the `XREAD` in a transaction. */
export function errorIn(replies: readonly Reply[]): ReplyError | undefined {
  const reply = replies[replies.length - 1];
  return reply instanceof ReplyError ? reply : undefined;
}

/** Streams of one tail. */
export class WatchedStreams {
  readonly #options: WatchedStreamsOptions;
  readonly #positions = new Map<string, EntryId>();
  readonly #changed = new Set<string>();
  readonly #scripts: ScriptSupport;
  readonly continuity: Continuity;

  constructor(options: WatchedStreamsOptions) {
    this.#options = options;
    this.#scripts = createScriptSupport(options.logger);
    this.continuity = new Continuity(options.sizes, this.#scripts.isAllowed);
  }

  /** Position after which each watched stream is read next. */
  get positions(): ReadonlyMap<string, EntryId> {
    return this.#positions;
  }

  /** Streams that may have entries past their positions. */
  get changed(): ReadonlySet<string> {
    return this.#changed;
  }

  /** Starts to watch a stream after an id. It counts as changed. @param isRead see `Tail` */
  watch(key: string, after: EntryId, isRead = false): void {
    this.continuity.forget(key);
    if (isRead) this.continuity.positionRead(key);
    this.#positions.set(key, after);
    this.#options.counters.tailStreams = this.#positions.size;
    this.#changed.add(key);
  }

  unwatch(key: string): void {
    this.#positions.delete(key);
    this.#changed.delete(key);
    this.continuity.forget(key);
    this.#options.counters.tailStreams = this.#positions.size;
  }

  /** Marks a stream as changed, if it is watched. */
  mark(key: string): void {
    if (this.#positions.has(key)) this.#changed.add(key);
  }

  /** Marks all watched streams as changed. */
  markAll(): void {
    for (const key of this.#positions.keys()) this.#changed.add(key);
  }

  /** Call when a read of a stream is sent, or will not be. */
  unmark(key: string): void {
    this.#changed.delete(key);
  }

  /**
   * Selects streams for one XREAD so that its reply stays near `READ_BYTES`. `COUNT` is per stream, so the expected reply
   * is the sum of the streams' entry sizes, times `COUNT`.
   *
   * @param candidates keys of streams, most urgent first
   */
  plan(candidates: Iterable<string> = this.#changed): ReadPlan {
    const from = new Map<string, EntryId>();
    let bytes = 0;
    for (const key of candidates) {
      const position = this.#positions.get(key);
      if (position === undefined) continue;
      const expected = this.#options.sizes.expected(key);
      if (from.size > 0 && bytes + expected > READ_BYTES) break;
      from.set(key, position);
      bytes += expected;
    }
    const count = Math.max(1, Math.min(MAX_ENTRIES, Math.floor(READ_BYTES / Math.max(1, bytes))));
    return { from, count };
  }

  /** Commands of a transaction that reads streams: a check of each, and the read. */
  commands({ from, count }: ReadPlan): readonly (readonly Argument[])[] {
    return [
      ...[...from].map(([key, position]) => this.continuity.check(key, position)),
      ["XREAD", "COUNT", count, "STREAMS", ...from.keys(), ...from.values()],
    ];
  }

  /**
   * Takes the entries of a transaction, judges whether they continue the previous ones, and moves the positions past them.
   * Streams that were unwatched or moved in the meantime are skipped. A stream is marked again if it has more entries, its
   * position changed, or its check was inconclusive.
   *
   * @param replies the reply to the check of each stream, then the reply to `XREAD`
   */
  take({ from, count }: ReadPlan, replies: readonly Reply[]): TailRead[] {
    const { sizes, onRemoval } = this.#options;
    const found = new Map(entriesByKey(replies[replies.length - 1] ?? null));
    const reads: TailRead[] = [];
    let index = 0;
    for (const [key, after] of from) {
      const answer = replies[index++] ?? null;
      const position = this.#positions.get(key);
      if (position === undefined) continue;
      if (position !== after) {
        this.#changed.add(key);
        continue;
      }
      const entries = found.get(key) ?? [];
      const { verdict, isCut, isShorter } = this.continuity.judge({ key, position, entries, count, answer });
      if (isCut || verdict === "unclear") this.#changed.add(key);
      if (verdict === "unclear") continue;
      const last = entries[entries.length - 1];
      const isNewLife = verdict === "new life";
      if (last === undefined) {
        if (isShorter || isNewLife) onRemoval?.(key, isNewLife);
        continue;
      }
      sizes.learn(key, entries);
      this.#positions.set(key, last.id);
      reads.push({ key, after, entries, hasGap: verdict !== "continues", isNewLife });
    }
    return reads;
  }

  /** Takes entries that directly follow a stream's position and were not read. @returns them as a read */
  extend(key: string, after: EntryId, entries: readonly Entry[]): TailRead {
    this.#options.sizes.learn(key, entries);
    const last = entries[entries.length - 1];
    if (last !== undefined) this.#positions.set(key, last.id);
    this.continuity.grow(key, entries);
    return { key, after, entries, hasGap: false, isNewLife: false };
  }

  /** Returns true for the first error that forbids scripts: the read should be repeated, which then uses none. */
  isScriptForbidden(error: Error): boolean {
    return this.#scripts.isForbidden(error);
  }

  /** Reports that Redis rejected a read of this stream alone. */
  reject(key: string, error: Error): void {
    this.#options.logger.warn({ key, err: error }, "Redis rejected a read of this stream");
    if (isPermissionError(error)) this.#options.onForbidden?.(key, gatewayErrorOf(error));
  }
}
