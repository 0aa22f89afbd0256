/**
 * Merge of several streams in the order of their entry ids. Pure: pages are passed in, and entries are taken out.
 *
 * An entry may be taken only if no stream can still have an earlier one. So each stream has a *horizon*: the id up to which
 * it is known. A stream without queued entries blocks all entries after its horizon until its next page is passed in.
 */

import { MinHeap } from "../../../domain/min-heap.ts";
import type { Entry } from "../../../domain/streams/entry.ts";
import { compareIds, type EntryId, FIRST_ID, LAST_ID, timeOfId } from "../../../domain/streams/entry-id.ts";

/** Consecutive entries of one stream. */
export interface Run<S> {
  readonly stream: S;
  readonly entries: Entry[];
}

/** Limits of one batch. */
export interface TakeLimits {
  /** The last time (ms) of an entry that is taken. The first entry is taken anyway. */
  readonly upToMs: number;
  /** Maximum entries of each stream; may be infinite. */
  readonly perStream: number;
  /** Maximum entries of all streams. */
  readonly entries: number;
}

interface Queue<S> {
  readonly stream: S;
  /** Orders entries with the same id. */
  readonly position: number;
  entries: readonly Entry[];
  head: number;
  horizon: EntryId;
}

/** Streams with queued entries. */
export class PlaybackMerge<S> {
  readonly #queues = new Map<S, Queue<S>>();
  readonly #filled = new MinHeap<Queue<S>>(byHead);
  readonly #empty = new Set<Queue<S>>();
  #positions = 0;
  /** The least horizon of the streams without queued entries; undefined until it is needed. */
  #minHorizon: EntryId | undefined = LAST_ID;

  /** Adds a stream. It blocks all others until its first page is passed in. */
  add(stream: S): void {
    const queue: Queue<S> = { stream, position: this.#positions++, entries: [], head: 0, horizon: FIRST_ID };
    this.#queues.set(stream, queue);
    this.#setEmpty(queue);
  }

  /** Removes a stream with its entries. */
  remove(stream: S): void {
    const queue = this.#queues.get(stream);
    if (queue === undefined) return;
    this.#queues.delete(stream);
    this.#filled.remove(queue);
    if (this.#empty.delete(queue)) this.#minHorizon = undefined;
  }

  /** Passes in the next page of a stream. @param horizon the id up to which the stream is known, from now on */
  fill(stream: S, page: readonly Entry[], horizon: EntryId): void {
    const queue = this.#queues.get(stream);
    if (queue === undefined) return;
    const wasEmpty = this.#empty.delete(queue);
    queue.entries = wasEmpty ? page : [...queue.entries.slice(queue.head), ...page];
    queue.head = 0;
    queue.horizon = horizon;
    if (wasEmpty && page.length > 0) this.#filled.add(queue);
    else if (wasEmpty) this.#empty.add(queue);
    if (wasEmpty) this.#minHorizon = undefined;
  }

  /** The first queued entry. */
  get head(): Entry | undefined {
    const first = this.#filled.peek();
    return first?.entries[first.head];
  }

  /** The stream of the first queued entry. */
  get headStream(): S | undefined {
    return this.#filled.peek()?.stream;
  }

  /** The first queued entry, if it is the next one of all streams. */
  get next(): Entry | undefined {
    const { head } = this;
    return head !== undefined && this.#isKnown(head) ? head : undefined;
  }

  /** Streams whose next page is required before the first queued entry, or any entry if there is none, can be taken. */
  missing(): readonly S[] {
    const upTo = this.head?.id ?? LAST_ID;
    return [...this.#empty]
      .filter(({ horizon }) => compareIds(horizon, upTo) < 0)
      .map(({ stream }) => stream);
  }

  /** Takes the next entries in order, as far as they are known. Consecutive entries of one stream are one run. */
  take({ upToMs, perStream, entries: max }: TakeLimits): readonly Run<S>[] {
    const runs: Run<S>[] = [];
    const taken = perStream === Number.POSITIVE_INFINITY ? undefined : new Map<S, number>();
    for (let room = max; room > 0; ) {
      const queue = this.#filled.peek();
      const first = queue?.entries[queue.head];
      if (queue === undefined || first === undefined) break;
      const before = taken?.get(queue.stream) ?? 0;
      const limit = Math.min(room, perStream - before);
      const isDue = runs.length === 0 || timeOfId(first.id) <= upToMs;
      if (limit <= 0 || !isDue || !this.#isKnown(first)) break;
      this.#filled.take();
      const run = this.#runOf(queue, limit, upToMs);
      const last = runs[runs.length - 1];
      if (last?.stream === queue.stream) for (const entry of run) last.entries.push(entry);
      else runs.push({ stream: queue.stream, entries: run });
      taken?.set(queue.stream, before + run.length);
      room -= run.length;
      if (queue.head < queue.entries.length) this.#filled.add(queue);
      else this.#setEmpty(queue);
    }
    return runs;
  }

  /** Takes the entries of a stream before those of any other; at least one. */
  #runOf(queue: Queue<S>, max: number, upToMs: number): Entry[] {
    const rival = this.#filled.peek();
    const rivalHead = rival?.entries[rival.head];
    const from = queue.head;
    let to = from + 1;
    for (; to < queue.entries.length && to - from < max; to++) {
      const entry = queue.entries[to];
      if (entry === undefined || timeOfId(entry.id) > upToMs || !this.#isKnown(entry)) break;
      if (rival === undefined || rivalHead === undefined) continue;
      const order = compareIds(entry.id, rivalHead.id);
      if (order > 0 || (order === 0 && rival.position < queue.position)) break;
    }
    queue.head = to;
    return queue.entries.slice(from, to);
  }

  #setEmpty(queue: Queue<S>): void {
    queue.entries = [];
    queue.head = 0;
    this.#empty.add(queue);
    if (this.#minHorizon !== undefined && compareIds(queue.horizon, this.#minHorizon) < 0)
      this.#minHorizon = queue.horizon;
  }

  /** Whether no stream can still have an entry before this one. */
  #isKnown({ id }: Entry): boolean {
    const horizon = this.#horizon;
    return horizon === LAST_ID || compareIds(id, horizon) <= 0;
  }

  /** The id up to which all streams are known. */
  get #horizon(): EntryId {
    if (this.#minHorizon !== undefined) return this.#minHorizon;
    let min = LAST_ID;
    for (const { horizon } of this.#empty) if (compareIds(horizon, min) < 0) min = horizon;
    this.#minHorizon = min;
    return min;
  }
}

/** Orders queues by their first entries. */
function byHead<S>(a: Queue<S>, b: Queue<S>): number {
  const [first, second] = [a.entries[a.head], b.entries[b.head]];
  if (first === undefined || second === undefined) return 0;
  return compareIds(first.id, second.id) || a.position - b.position;
}
