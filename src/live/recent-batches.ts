/**
 * The newest batches of live streams, kept for readers that are slightly behind: one that was paused for a moment,
 * or that takes one entry at a time. Bounded over all streams together; the oldest batch goes first, whosever it is.
 */

import type { Entry } from "../domain/entry.ts";
import { compareIds, type EntryId } from "../domain/entry-id.ts";
import type { Counters } from "../observe/counters.ts";
import { type Batch, firstPast } from "./batch.ts";

/** The newest batches of one stream, each continuing the one before. */
export interface RecentBatches {
  /** Keeps a batch that continues the last one. */
  add(batch: Batch): void;
  /** The batch that begins right at a cursor, if it is kept. */
  continuing(cursor: EntryId): Batch | undefined;
  /** Up to `count` entries past a cursor, oldest first; undefined where what follows the cursor is not all kept. */
  after(cursor: EntryId, count: number): readonly Entry[] | undefined;
  /** The newest `count` entries past a cursor, oldest of them first; undefined where not all of those are kept. */
  newest(cursor: EntryId, count: number): readonly Entry[] | undefined;
  /** Forgets all. */
  clear(): void;
}

/** Bounds the recent batches of all streams together. */
export interface RecentMemory {
  /** A place for the batches of one stream. */
  open(): RecentBatches;
}

/** A queue whose first member is removed by moving an index. */
interface Queue<T> {
  items: T[];
  head: number;
}

/** The place of a batch, in its stream's queue and in the order of all. Empty when the batch is forgotten. */
interface Slot {
  batch: Batch | undefined;
  readonly owner: Queue<Slot>;
}

/** Empty slots that may stand in the order before it is rid of them. */
const MOST_EMPTY = 1024;

function removeFirst<T>(queue: Queue<T>): void {
  queue.head++;
  if (queue.head < 64 || queue.head * 2 < queue.items.length) return;
  queue.items = queue.items.slice(queue.head);
  queue.head = 0;
}

/** Makes a memory with nothing in it. @param limitBytes over all streams; 0 keeps nothing */
export function createRecentMemory(limitBytes: number, counters: Counters): RecentMemory {
  const order: Queue<Slot> = { items: [], head: 0 };
  let emptied = 0;

  /** Lets go of a slot's batch at once: queues keep their removed members for a while. */
  function empty(slot: Slot): void {
    counters.recentBytes -= slot.batch?.cost ?? 0;
    slot.batch = undefined;
  }

  function evict(): void {
    while (counters.recentBytes > limitBytes) {
      const oldest = order.items[order.head];
      if (oldest === undefined) return;
      removeFirst(order);
      if (oldest.batch === undefined) {
        emptied--;
      } else {
        removeFirst(oldest.owner);
        empty(oldest);
      }
    }
  }

  function clear(kept: Queue<Slot>): void {
    emptied += kept.items.length - kept.head;
    for (let i = kept.head; i < kept.items.length; i++) {
      const slot = kept.items[i];
      if (slot !== undefined) empty(slot);
    }
    kept.items = [];
    kept.head = 0;
    // Now and then, and never for less than half of the order, so that it costs little for each.
    if (emptied < MOST_EMPTY || emptied * 2 < order.items.length - order.head) return;
    order.items = order.items.slice(order.head).filter(({ batch }) => batch !== undefined);
    order.head = 0;
    emptied = 0;
  }

  return {
    open() {
      const kept: Queue<Slot> = { items: [], head: 0 };
      const batchAt = (index: number): Batch | undefined => kept.items[index]?.batch;

      /** Index of the first batch with something past the cursor. */
      function indexPast(cursor: EntryId): number {
        let low = kept.head;
        let high = kept.items.length;
        while (low < high) {
          const middle = (low + high) >>> 1;
          const batch = batchAt(middle);
          if (batch !== undefined && compareIds(batch.last, cursor) <= 0) low = middle + 1;
          else high = middle;
        }
        return low;
      }

      return {
        add(batch) {
          const slot = { batch, owner: kept };
          kept.items.push(slot);
          order.items.push(slot);
          counters.recentBytes += batch.cost;
          evict();
        },
        continuing(cursor) {
          const batch = batchAt(indexPast(cursor));
          return batch?.after === cursor ? batch : undefined;
        },
        after(cursor, count) {
          const entries: Entry[] = [];
          let index = indexPast(cursor);
          const first = batchAt(index);
          if (first === undefined || compareIds(first.after, cursor) > 0) return undefined;
          for (; index < kept.items.length && entries.length < count; index++) {
            const batch = batchAt(index)?.entries ?? [];
            const from = entries.length === 0 ? firstPast(batch, cursor) : 0;
            for (let i = from; i < batch.length && entries.length < count; i++) {
              const entry = batch[i];
              if (entry !== undefined) entries.push(entry);
            }
          }
          return entries;
        },
        newest(cursor, count) {
          const entries: Entry[] = [];
          for (let index = kept.items.length - 1; index >= kept.head; index--) {
            const batch = batchAt(index);
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
        },
        clear: () => clear(kept),
      };
    },
  };
}
