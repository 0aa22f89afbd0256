/**
 * Pages of history in memory, for readers that are behind the one for which a page was read.
 *
 * A page that was not used lately keeps only its frames. The objects of small entries take three times the memory of their
 * frame, and readers that start some time after the first ones need the pages of that time.
 */

import type { Counters } from "../../observe/counters.ts";
import type { Batch } from "../batch.ts";
import type { FramedBatch, HistoryPage, SharedPage } from "./history-page.ts";

/** A batch without its entries: the ids of its ends, its counts and its frames. */
interface Framed extends Omit<FramedBatch, "frame"> {
  readonly frames: ReadonlyMap<string, unknown>;
}

/** A page that has entries. */
type FullPage = HistoryPage & { readonly batch: Batch };

/** A page in memory. */
interface KeptPage {
  readonly name: string;
  readonly key: string;
  readonly hasGap: boolean;
  readonly until: number;
  content: Batch | Framed;
  /** Memory, in bytes. */
  cost: number;
}

/**
 * Time (ms) for which a page is shared. It bounds how long a deleted entry is still delivered, and hides one that reuses its id. If
 * readers follow the stream, the hub notices the deletion, and its pages are dropped earlier.
 */
const PAGE_LIFE_MS = 2000;
/** Fraction of the limit that pages with their entries may use. */
const WITH_ENTRIES = 1 / 3;
/** Estimated memory (bytes) of the objects of a page without entries. */
const FRAMED_COST_BYTES = 1000;

/** Pages of all streams. Evicts the oldest ones over the limit. */
export class KeptPages {
  readonly #limitBytes: number;
  readonly #counters: Counters;
  /** By name, oldest first. */
  readonly #pages = new Map<string, KeptPage>();
  /** Pages with their entries, the one that was used last at the end. */
  readonly #withEntries = new Set<KeptPage>();
  #withEntriesBytes = 0;
  #sweep: NodeJS.Timeout | undefined;

  /** @param limitBytes limit over all streams; 0 keeps nothing */
  constructor(limitBytes: number, counters: Counters) {
    this.#limitBytes = limitBytes;
    this.#counters = counters;
  }

  /**
   * Adds a page, in place of one with the same name.
   *
   * @param name stream and its version, and the cursor before the page
   * @param key the stream
   */
  add(name: string, key: string, { batch, hasGap }: FullPage): void {
    const { cost } = batch;
    const same = this.#pages.get(name);
    if (same !== undefined) this.#remove(same);
    const kept = { name, key, hasGap, until: performance.now() + PAGE_LIFE_MS, content: batch, cost };
    this.#pages.set(name, kept);
    this.#withEntries.add(kept);
    this.#withEntriesBytes += cost;
    this.#counters.pageCacheBytes += cost;
    this.#dropEntries();
    this.#removeOld();
    this.#sweep ??= setTimeout(() => this.#onSweep(), PAGE_LIFE_MS).unref();
  }

  /** Returns a page. @param frameKey key of the frame that the reader needs; undefined if it needs the entries */
  find(name: string, frameKey: string | undefined): SharedPage | undefined {
    const kept = this.#pages.get(name);
    if (kept === undefined || kept.until <= performance.now()) return undefined;
    const { content } = kept;
    if ("entries" in content) {
      this.#withEntries.delete(kept);
      this.#withEntries.add(kept);
      return pageOf(content, kept.hasGap);
    }
    const frame = frameKey === undefined ? undefined : content.frames.get(frameKey);
    return frame === undefined ? undefined : pageOf({ ...content, frame }, kept.hasGap);
  }

  /** Removes the pages of a stream. */
  forget(key: string): void {
    for (const kept of this.#pages.values()) if (kept.key === key) this.#remove(kept);
  }

  /** Drops the entries of the pages that were not used for the longest time, if pages with entries exceed their limit. */
  #dropEntries(): void {
    for (const kept of this.#withEntries) {
      if (this.#withEntriesBytes <= this.#limitBytes * WITH_ENTRIES) return;
      const framed = framedOf(kept.content);
      if (framed === undefined) {
        this.#remove(kept);
        continue;
      }
      this.#forgetEntries(kept);
      const cost = FRAMED_COST_BYTES + framed.frameBytes;
      this.#counters.pageCacheBytes += cost - kept.cost;
      kept.content = framed;
      kept.cost = cost;
    }
  }

  #forgetEntries(kept: KeptPage): void {
    if (this.#withEntries.delete(kept)) this.#withEntriesBytes -= kept.cost;
  }

  #onSweep(): void {
    this.#removeOld();
    this.#sweep = this.#pages.size > 0 ? setTimeout(() => this.#onSweep(), PAGE_LIFE_MS).unref() : undefined;
  }

  #removeOld(): void {
    const now = performance.now();
    for (const kept of this.#pages.values()) {
      if (this.#counters.pageCacheBytes <= this.#limitBytes && kept.until > now) return;
      this.#remove(kept);
    }
  }

  #remove(kept: KeptPage): void {
    this.#forgetEntries(kept);
    this.#pages.delete(kept.name);
    this.#counters.pageCacheBytes -= kept.cost;
  }
}

const pageOf = (batch: Batch | FramedBatch, hasGap: boolean): SharedPage => ({
  batch,
  isLast: false,
  hasGap,
  isGone: false,
});

/** Returns a batch without its entries; undefined if it has no frames, or if they refer to the entries. */
function framedOf(batch: Batch | Framed): (Framed & { readonly frameBytes: number }) | undefined {
  if (!("entries" in batch)) return undefined;
  const { after, last, bytes, frames, frameBytes, entries } = batch;
  const [first] = entries;
  if (first === undefined || frameBytes === undefined || frames.size === 0) return undefined;
  return { after, last, bytes, frames, frameBytes, first: first.id, count: entries.length };
}
