/**
 * Pages of history in memory, for readers that are behind the one for which a page was read.
 *
 * A page that was not used lately keeps only its frames. The objects of small entries take three times the memory of their
 * frame, and readers that start some time after the first ones need the pages of that time.
 */

import type { Counters } from "../../observe/counters.ts";
import type { Batch } from "../batch.ts";
import type { FramedBatch, HistoryPage, SharedPage } from "./history-page.ts";

/** A page that has entries. */
type FullPage = HistoryPage & { readonly batch: Batch };

/** A page in memory. */
interface KeptPage {
  readonly name: string;
  readonly hasGap: boolean;
  readonly until: number;
  /** The page, or its frames. */
  content: Batch | FramedBatch;
  /** Memory, in bytes. */
  cost: number;
}

/**
 * Time (ms) for which a page is shared. It bounds how long a deleted entry is still delivered, and hides one that reuses its id.
 */
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
  readonly #byName = new Map<string, KeptPage>();
  #sweep: NodeJS.Timeout | undefined;

  /** @param limitBytes limit over all streams; 0 keeps nothing */
  constructor(limitBytes: number, counters: Counters) {
    this.#limitBytes = limitBytes;
    this.#counters = counters;
  }

  /** Adds a page, in place of one with the same name. @param name stream and its version, and the cursor before the page */
  add(name: string, { batch, hasGap }: FullPage): void {
    const { cost } = batch;
    const same = this.#byName.get(name);
    if (same !== undefined) this.#remove(same);
    const kept = { name, hasGap, until: performance.now() + PAGE_LIFE_MS, content: batch, cost };
    this.#byName.set(name, kept);
    this.#all.add(kept);
    this.#whole.add(kept);
    this.#wholeBytes += cost;
    this.#counters.pageCacheBytes += cost;
    this.#dropEntries();
    this.#removeOld();
    this.#sweep ??= setTimeout(() => this.#onSweep(), PAGE_LIFE_MS).unref();
  }

  /** Returns a page. @param memo form and stream name of the frame that the reader needs */
  find(name: string, memo: string | undefined): SharedPage | undefined {
    const kept = this.#byName.get(name);
    if (kept === undefined || kept.until <= performance.now()) return undefined;
    const { content } = kept;
    const isWhole = "entries" in content;
    if (isWhole) {
      this.#whole.delete(kept);
      this.#whole.add(kept);
    }
    if (!isWhole && (memo === undefined || !content.frames.has(memo))) return undefined;
    return pageOf(content, kept.hasGap);
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
    this.#byName.delete(kept.name);
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
