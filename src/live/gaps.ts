/**
 * Gaps of a reader: entries that it may have missed, because they were removed or their stream was created again. Removed
 * entries are detected by the read that returns the next ones (`redis/read/page-reader.ts`, `redis/tail/continuity.ts`).
 */
import type { Gap } from "../domain/streams/entry.ts";
import { type EntryId, FIRST_ID, idAfter } from "../domain/streams/entry-id.ts";
import type { Counters } from "../observe/counters.ts";
import type { Hub } from "./hub.ts";
import type { StreamState } from "./stream-state.ts";

/** Finds and reports the gaps of one subscription. */
export class Gaps {
  readonly #hub: Hub;
  readonly #counters: Counters;
  readonly #onGap: ((gap: Gap) => void) | undefined;

  constructor(hub: Hub, counters: Counters, onGap: ((gap: Gap) => void) | undefined) {
    this.#hub = hub;
    this.#counters = counters;
    this.#onGap = onGap;
  }

  /** Reports that entries before an id may be missing; called right before the entry with that id is sent. */
  report(state: StreamState, before: EntryId): void {
    state.hasGap = false;
    if (state.cursor === state.madeFromTime) return;
    this.#report({ stream: state.name, after: state.cursor, before });
  }

  /**
   * Reports a gap if the stream was created again since the last call, because its ids up to the cursor belong to other
   * entries now. Call before entries after the cursor are looked up or read, and not until these are sent: they may be
   * entries of the deleted stream, and move the cursor past ids that are used again.
   */
  follow(state: StreamState): void {
    const progress = this.#hub.progress(state.key);
    const { followed, cursor } = state;
    const recreation = progress?.recreation ?? 0;
    const isSame = followed !== undefined && followed.progress === progress;
    if (isSame && followed.recreation === recreation) return;
    state.followed = { progress, recreation };
    // A stream that the hub watches since the last call was created again after that, if at all.
    const isRecreated = followed !== undefined && (isSame || recreation > 0);
    if (!isRecreated || cursor === FIRST_ID) return;
    this.#report({ stream: state.name, after: FIRST_ID, before: idAfter(cursor) ?? cursor });
  }

  /** Records that the reader attached. */
  attached(state: StreamState): void {
    state.lastAttached = this.#hub.progress(state.key);
    // The hub may have started to watch the stream for this reader.
    this.follow(state);
  }

  /** Returns whether the reader was attached at some time since the hub started to watch the stream. */
  isFollowing({ key, lastAttached }: StreamState): boolean {
    return lastAttached !== undefined && lastAttached === this.#hub.progress(key);
  }

  #report(gap: Gap): void {
    this.#counters.gaps++;
    this.#onGap?.(gap);
  }
}
