/**
 * Page cache for readers that catch up. Readers at the same cursor share pages: concurrent identical reads are one read,
 * and full pages stay in memory for a short time, because readers that replay the same stream are often close together.
 */

import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { EntrySizes } from "../../redis/read/entry-sizes.ts";
import type { StreamReader } from "../../redis/read/stream-reader.ts";
import { type Batch, createBatch } from "../batch.ts";

/** A page of a stream's history. */
export interface HistoryPage {
  /** Undefined if there are no entries after the cursor. */
  readonly batch: Batch | undefined;
  /** Whether no entries followed the page when it was read. */
  readonly isLast: boolean;
  readonly hasGap: boolean;
  readonly isGone: boolean;
}

/** The stream that a page is read of. Only readers of the same one share its pages, which are read after the first request. */
export interface StreamVersion {
  /** See `SubscribedStream`. */
  readonly birth?: number | undefined;
  /** See `Progress`. */
  readonly recreation: number;
}

/** Reads pages of history. */
export interface PageCache {
  /**
   * Returns the page after a cursor, with about `PAGE_BYTES` of entries.
   *
   * @throws GatewayError
   */
  page(key: string, cursor: EntryId, version: StreamVersion): Promise<HistoryPage>;
  /** Returns the expected minimum size of a page of a stream, in bytes. */
  expectedBytes(key: string): number;
}

/** Dependencies and limits of the page cache. */
export interface PageCacheParts {
  readonly streamReader: StreamReader;
  readonly sizes: EntrySizes;
  readonly pageBytes: number;
  readonly cacheBytes: number;
  readonly counters: Counters;
}

/** Time (ms) for which a page is shared. It bounds how long a deleted entry is still delivered. */
const PAGE_LIFE_MS = 2000;
/** Maximum entries in a page. */
const MAX_ENTRIES = 4096;

/** Creates an empty page cache. */
export function createPageCache({
  streamReader,
  sizes,
  pageBytes,
  cacheBytes,
  counters,
}: PageCacheParts): PageCache {
  const inFlight = new Map<string, Promise<HistoryPage>>();
  /** Full pages by stream and cursor, oldest first. */
  const kept = new Map<
    string,
    { readonly page: HistoryPage; readonly cost: number; readonly until: number }
  >();
  let sweep: NodeJS.Timeout | undefined;

  function forget(name: string): void {
    counters.pageCacheBytes -= kept.get(name)?.cost ?? 0;
    kept.delete(name);
  }

  function forgetOld(): void {
    const now = performance.now();
    for (const [name, { until }] of kept) {
      if (counters.pageCacheBytes <= cacheBytes && until > now) break;
      forget(name);
    }
    sweep = kept.size > 0 ? setTimeout(forgetOld, PAGE_LIFE_MS).unref() : undefined;
  }

  function keep(name: string, page: HistoryPage): void {
    // A short page is soon out of date and cheap to read again.
    if (page.batch === undefined || page.isLast) return;
    const { cost } = page.batch;
    forget(name);
    kept.set(name, { page, cost, until: performance.now() + PAGE_LIFE_MS });
    counters.pageCacheBytes += cost;
    if (counters.pageCacheBytes > cacheBytes) clearTimeout(sweep);
    if (sweep === undefined || counters.pageCacheBytes > cacheBytes) forgetOld();
  }

  async function read(key: string, cursor: EntryId): Promise<HistoryPage> {
    counters.pagesRead++;
    const count = Math.max(1, Math.min(MAX_ENTRIES, Math.floor(pageBytes / sizes.expected(key))));
    const { entries, isLast, hasGap, isGone } = await streamReader.readAfter(key, cursor, count);
    const last = entries[entries.length - 1];
    return { batch: last && createBatch(key, cursor, entries, last.id), isLast, hasGap, isGone };
  }

  return {
    expectedBytes: (key) => Math.max(pageBytes, sizes.expected(key)),
    page(key, cursor, { birth = 0, recreation }) {
      const name = `${cursor} ${birth} ${recreation} ${key}`;
      const known = kept.get(name);
      if (known !== undefined && known.until > performance.now()) {
        counters.pagesShared++;
        return Promise.resolve(known.page);
      }
      const under = inFlight.get(name);
      if (under !== undefined) {
        counters.pagesShared++;
        return under;
      }
      const answer = read(key, cursor)
        .then((page) => {
          keep(name, page);
          return page;
        })
        .finally(() => inFlight.delete(name));
      inFlight.set(name, answer);
      return answer;
    },
  };
}
