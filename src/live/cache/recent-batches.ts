/**
 * Recent batches of live streams, kept for readers near the end: readers that were briefly paused, or take one entry at a
 * time. The memory limit applies to all streams together; the oldest batch is evicted first.
 */

import type { Entry } from "../../domain/streams/entry.ts";
import { compareIds, type EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import { type Batch, firstPast } from "../batch.ts";

/** A queue that removes its first item by advancing an index. */
interface Queue<T> {
  items: T[];
  head: number;
}

/** Slot of a batch in its stream's queue and in the global order. Empty after the batch is dropped. */
interface Slot {
  batch: Batch | undefined;
  readonly owner: Queue<Slot>;
}

/** Number of empty slots in the global order before they are removed. */
const MAX_EMPTY = 1024;

/** Recent batches of all streams in their order: evicts the oldest ones over the limit. */
export class RecentMemory {
  readonly #limitBytes: number;
  readonly #counters: Counters;
  readonly #order: Queue<Slot> = { items: [], head: 0 };
  /** Number of empty slots in the order. */
  #emptied = 0;

  /** @param limitBytes limit over all streams; 0 keeps nothing */
  constructor(limitBytes: number, counters: Counters) {
    this.#limitBytes = limitBytes;
    this.#counters = counters;
  }

  /** Creates the recent batches of one stream. */
  open(): RecentBatches {
    return new RecentBatches(this);
  }

  /** Adds a batch that its stream has added. */
  add(slot: Slot & { readonly batch: Batch }): void {
    this.#order.items.push(slot);
    this.#counters.recentBytes += slot.batch.cost;
    while (this.#counters.recentBytes > this.#limitBytes) {
      const oldest = this.#order.items[this.#order.head];
      if (oldest === undefined) return;
      removeFirst(this.#order);
      if (oldest.batch === undefined) {
        this.#emptied--;
      } else {
        removeFirst(oldest.owner);
        this.#empty(oldest);
      }
    }
  }

  /** Drops all batches of a stream. */
  clear(kept: Queue<Slot>): void {
    this.#emptied += kept.items.length - kept.head;
    for (let i = kept.head; i < kept.items.length; i++) {
      const slot = kept.items[i];
      if (slot !== undefined) this.#empty(slot);
    }
    kept.items = [];
    kept.head = 0;
    // Rebuild only when half of the slots are empty, so that the amortised cost is constant.
    const { items, head } = this.#order;
    if (this.#emptied < MAX_EMPTY || this.#emptied * 2 < items.length - head) return;
    this.#order.items = items.slice(head).filter(({ batch }) => batch !== undefined);
    this.#order.head = 0;
    this.#emptied = 0;
  }

  /** Drops a slot's batch at once, because queues keep removed slots for a while. */
  #empty(slot: Slot): void {
    this.#counters.recentBytes -= slot.batch?.cost ?? 0;
    slot.batch = undefined;
  }
}

/** Recent batches of one stream, consecutive. */
export class RecentBatches {
  readonly #memory: RecentMemory;
  readonly #kept: Queue<Slot> = { items: [], head: 0 };

  constructor(memory: RecentMemory) {
    this.#memory = memory;
  }

  /** Adds a batch that continues the last one. */
  add(batch: Batch): void {
    const slot = { batch, owner: this.#kept };
    this.#kept.items.push(slot);
    this.#memory.add(slot);
  }

  /** Returns the batch that starts exactly at a cursor, if it is in memory. */
  continuing(cursor: EntryId): Batch | undefined {
    const batch = this.#batchAt(this.#indexPast(cursor));
    return batch?.after === cursor ? batch : undefined;
  }

  /** Returns up to `count` entries after a cursor, oldest first; undefined if the first of them may not be in memory. */
  after(cursor: EntryId, count: number): readonly Entry[] | undefined {
    const entries: Entry[] = [];
    let index = this.#indexPast(cursor);
    const first = this.#batchAt(index);
    if (first === undefined || compareIds(first.after, cursor) > 0) return undefined;
    for (; index < this.#kept.items.length && entries.length < count; index++) {
      const batch = this.#batchAt(index)?.entries ?? [];
      const from = entries.length === 0 ? firstPast(batch, cursor) : 0;
      for (let i = from; i < batch.length && entries.length < count; i++) {
        const entry = batch[i];
        if (entry !== undefined) entries.push(entry);
      }
    }
    return entries;
  }

  /** Returns the newest `count` entries after a cursor, oldest first; undefined if they are not all in memory. */
  newest(cursor: EntryId, count: number): readonly Entry[] | undefined {
    const entries: Entry[] = [];
    for (let index = this.#kept.items.length - 1; index >= this.#kept.head; index--) {
      const batch = this.#batchAt(index);
      if (batch === undefined) break;
      for (let i = batch.entries.length - 1; i >= 0; i--) {
        const entry = batch.entries[i];
        if (entry === undefined || compareIds(entry.id, cursor) <= 0) return entries.reverse();
        entries.push(entry);
        if (entries.length === count) return entries.reverse();
      }
      if (compareIds(batch.after, cursor) <= 0) return entries.reverse();
    }
    return undefined;
  }

  /** Drops all batches. */
  clear(): void {
    this.#memory.clear(this.#kept);
  }

  #batchAt(index: number): Batch | undefined {
    return this.#kept.items[index]?.batch;
  }

  /** Returns the index of the first batch with entries after the cursor. */
  #indexPast(cursor: EntryId): number {
    let low = this.#kept.head;
    let high = this.#kept.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const batch = this.#batchAt(middle);
      if (batch !== undefined && compareIds(batch.last, cursor) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function removeFirst<T>(queue: Queue<T>): void {
  queue.head++;
  if (queue.head < 64 || queue.head * 2 < queue.items.length) return;
  queue.items = queue.items.slice(queue.head);
  queue.head = 0;
}
