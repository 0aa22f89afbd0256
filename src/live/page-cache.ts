/**
 * History in pages, for readers that catch up. Readers that start from the same place share pages: identical reads
 * in flight are one read, and full pages stay for a moment, because whoever reads a recording from its start, other
 * readers are often right behind.
 */

import type { EntryId } from "../domain/entry-id.ts";
import type { Counters } from "../observe/counters.ts";
import type { EntrySizes } from "../redis/entry-sizes.ts";
import type { Log } from "../redis/log.ts";
import { type Batch, createBatch } from "./batch.ts";

/** A page of history as readers take it. */
export interface HistoryPage {
  /** Undefined where nothing is past the cursor. */
  readonly batch: Batch | undefined;
  /** Nothing was behind it when it was read. */
  readonly isLast: boolean;
  readonly hasGap: boolean;
  readonly isGone: boolean;
}

/** Reads history. All reads throw `GatewayError`. */
export interface PageCache {
  /** The page past a cursor, as many entries as are expected to fill `PAGE_BYTES`. */
  page(key: string, cursor: EntryId): Promise<HistoryPage>;
  /** Bytes that a page of a stream is expected to bring, at least. */
  expectedBytes(key: string): number;
}

/** What history is read with. */
export interface HistoryParts {
  readonly log: Log;
  readonly sizes: EntrySizes;
  readonly pageBytes: number;
  readonly cacheBytes: number;
  readonly counters: Counters;
}

/** How long (ms) a page serves other readers: after that, entries deleted from it would still be shown. */
const PAGE_LIFE_MS = 2000;
/** Most entries of a page, however small they are. */
const MOST_ENTRIES = 4096;

/** Makes a reader of history. */
export function createPageCache({ log, sizes, pageBytes, cacheBytes, counters }: HistoryParts): PageCache {
  const inFlight = new Map<string, Promise<HistoryPage>>();
  /** Full pages by stream and cursor, oldest first. */
  const kept = new Map<
    string,
    { readonly page: HistoryPage; readonly cost: number; readonly until: number }
  >();
  let sweep: NodeJS.Timeout | undefined;

  function forget(question: string): void {
    counters.pageCacheBytes -= kept.get(question)?.cost ?? 0;
    kept.delete(question);
  }

  function forgetOld(): void {
    const now = performance.now();
    for (const [question, { until }] of kept) {
      if (counters.pageCacheBytes <= cacheBytes && until > now) break;
      forget(question);
    }
    sweep = kept.size > 0 ? setTimeout(forgetOld, PAGE_LIFE_MS).unref() : undefined;
  }

  function keep(question: string, page: HistoryPage): void {
    // A short page is about to be out of date, and costs little to read again.
    if (page.batch === undefined || page.isLast) return;
    const { cost } = page.batch;
    forget(question);
    kept.set(question, { page, cost, until: performance.now() + PAGE_LIFE_MS });
    counters.pageCacheBytes += cost;
    if (counters.pageCacheBytes > cacheBytes) clearTimeout(sweep);
    if (sweep === undefined || counters.pageCacheBytes > cacheBytes) forgetOld();
  }

  async function read(key: string, cursor: EntryId): Promise<HistoryPage> {
    counters.pagesRead++;
    const count = Math.max(1, Math.min(MOST_ENTRIES, Math.floor(pageBytes / sizes.expected(key))));
    const { entries, isLast, hasGap, isGone } = await log.readAfter(key, cursor, count);
    const last = entries[entries.length - 1];
    return { batch: last && createBatch(key, cursor, entries, last.id), isLast, hasGap, isGone };
  }

  return {
    expectedBytes: (key) => Math.max(pageBytes, sizes.expected(key)),
    page(key, cursor) {
      const question = `${cursor} ${key}`;
      const known = kept.get(question);
      if (known !== undefined && known.until > performance.now()) {
        counters.pagesShared++;
        return Promise.resolve(known.page);
      }
      const under = inFlight.get(question);
      if (under !== undefined) {
        counters.pagesShared++;
        return under;
      }
      const answer = read(key, cursor)
        .then((page) => {
          keep(question, page);
          return page;
        })
        .finally(() => inFlight.delete(question));
      inFlight.set(question, answer);
      return answer;
    },
  };
}
