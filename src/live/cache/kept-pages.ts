/**
 * Pages of history in memory, for readers that are behind the one for which a page was read. A reader whose cursor is inside a
 * page takes the rest of it. So readers that started at different entries continue at the same one, and then share all pages.
 *
 * Of a page that was not used lately only the frames are kept. The objects of small entries take three times the memory of
 * their frame, and readers that start some time after the first ones need the pages of that time.
 */

import { compareIds, type EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Batch } from "../batch.ts";
import type { FramedBatch, HistoryPage, SharedPage } from "./history-page.ts";

/** A page that has entries. */
type FullPage = HistoryPage & { readonly batch: Batch };

/** A page in memory. */
interface KeptPage {
  readonly stream: string;
  readonly hasGap: boolean;
  readonly until: number;
  /** The page, or its frames. */
  content: Batch | FramedBatch;
  /** Memory, in bytes. */
  cost: number;
}

/** Time (ms) for which a page is shared. It bounds how long a deleted entry is still delivered. */
const PAGE_LIFE_MS = 2000;
/** Fraction of the limit that pages with their entries may use. */
const WHOLE = 1 / 3;
/** Estimated memory (bytes) of the objects of a page without entries. */
const FRAMED_COST_BYTES = 1000;

/** Pages of all streams. Evicts the oldest ones over the limit. */
export class KeptPages {
  readonly #limitBytes: number;
  readonly #counters: Counters;
  /** Oldest first. */
  readonly #all = new Set<KeptPage>();
  /** Pages with their entries, the one that was used last at the end. */
  readonly #whole = new Set<KeptPage>();
  #wholeBytes = 0;
  /** Pages of each stream, by the cursor before them. */
  readonly #byStream = new Map<string, KeptPage[]>();
  #sweep: NodeJS.Timeout | undefined;

  /** @param limitBytes limit over all streams; 0 keeps nothing */
  constructor(limitBytes: number, counters: Counters) {
    this.#limitBytes = limitBytes;
    this.#counters = counters;
  }

  /** Adds a page, in place of one with the same cursor. @param stream name of the stream and its version */
  add(stream: string, { batch, hasGap }: FullPage): void {
    const { after, cost } = batch;
    const same = this.#lastBefore(stream, after);
    if (same?.content.after === after) this.#remove(same);
    const kept = { stream, hasGap, until: performance.now() + PAGE_LIFE_MS, content: batch, cost };
    const pages = this.#byStream.get(stream) ?? [];
    this.#byStream.set(stream, pages);
    pages.splice(indexBefore(pages, after) + 1, 0, kept);
    this.#all.add(kept);
    this.#whole.add(kept);
    this.#wholeBytes += cost;
    this.#counters.pageCacheBytes += cost;
    this.#dropEntries();
    this.#removeOld();
    this.#sweep ??= setTimeout(() => this.#onSweep(), PAGE_LIFE_MS).unref();
  }

  /**
   * Returns the page that starts at a cursor, or the one that contains it and of those the one that starts last.
   *
   * @param memo form and stream name of the frame that the reader needs
   */
  find(stream: string, cursor: EntryId, memo: string | undefined): SharedPage | undefined {
    const kept = this.#lastBefore(stream, cursor);
    if (kept === undefined || kept.until <= performance.now()) return undefined;
    const { content } = kept;
    const isWhole = "entries" in content;
    if (isWhole) {
      this.#whole.delete(kept);
      this.#whole.add(kept);
    }
    if (content.after === cursor)
      return isWhole || (memo !== undefined && content.frames.has(memo))
        ? pageOf(content, kept.hasGap)
        : undefined;
    // Entries between the cursor and the first entry of the page may have been trimmed, which only a read can detect.
    const [first] = isWhole ? content.entries : [];
    if (first === undefined || compareIds(first.id, cursor) > 0 || compareIds(content.last, cursor) <= 0)
      return undefined;
    // A gap would be before the first entry.
    return pageOf(content, false);
  }

  #lastBefore(stream: string, cursor: EntryId): KeptPage | undefined {
    const pages = this.#byStream.get(stream);
    return pages?.[indexBefore(pages, cursor)];
  }

  /** Drops the entries of the pages that were not used for the longest time, if pages with entries exceed their limit. */
  #dropEntries(): void {
    for (const kept of this.#whole) {
      if (this.#wholeBytes <= this.#limitBytes * WHOLE) return;
      const framed = framedBatchOf(kept.content);
      if (framed === undefined) this.#remove(kept);
      else {
        this.#endWhole(kept);
        const cost = FRAMED_COST_BYTES + framed.frameBytes;
        this.#counters.pageCacheBytes += cost - kept.cost;
        kept.content = framed;
        kept.cost = cost;
      }
    }
  }

  #endWhole(kept: KeptPage): void {
    if (this.#whole.delete(kept)) this.#wholeBytes -= kept.cost;
  }

  #onSweep(): void {
    this.#removeOld();
    this.#sweep = this.#all.size > 0 ? setTimeout(() => this.#onSweep(), PAGE_LIFE_MS).unref() : undefined;
  }

  #removeOld(): void {
    const now = performance.now();
    for (const kept of this.#all) {
      if (this.#counters.pageCacheBytes <= this.#limitBytes && kept.until > now) return;
      this.#remove(kept);
    }
  }

  #remove(kept: KeptPage): void {
    this.#endWhole(kept);
    this.#all.delete(kept);
    this.#counters.pageCacheBytes -= kept.cost;
    const pages = this.#byStream.get(kept.stream);
    pages?.splice(pages.indexOf(kept), 1);
    if (pages?.length === 0) this.#byStream.delete(kept.stream);
  }
}

const pageOf = (batch: Batch | FramedBatch, hasGap: boolean): SharedPage => ({
  batch,
  isLast: false,
  hasGap,
  isGone: false,
});

/** Returns the frames of a batch without its entries; undefined if it has none, or if they refer to the entries. */
function framedBatchOf(
  batch: Batch | FramedBatch,
): (FramedBatch & { readonly frameBytes: number }) | undefined {
  if (!("entries" in batch)) return undefined;
  const { after, last, bytes, frames, frameBytes, entries } = batch;
  const [first] = entries;
  if (first === undefined || frameBytes === undefined || frames.size === 0) return undefined;
  return { after, last, bytes, frames, frameBytes, first: first.id, count: entries.length };
}

/** Returns the index of the last page whose cursor is not after the given one; -1 if there is none. */
function indexBefore(pages: readonly KeptPage[], cursor: EntryId): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const kept = pages[middle];
    if (kept !== undefined && compareIds(kept.content.after, cursor) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
