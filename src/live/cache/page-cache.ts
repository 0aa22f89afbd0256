/**
 * Page cache for readers that catch up. Readers at the same cursor share pages: concurrent identical reads are one read,
 * and full pages stay in memory for a short time (`kept-pages.ts`), because readers that replay the same stream are often close
 * together.
 */

import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import type { EntrySizes } from "../../redis/read/entry-sizes.ts";
import type { StreamReader } from "../../redis/read/stream-reader.ts";
import { createBatch } from "../batch.ts";
import type { HistoryPage, SharedPage } from "./history-page.ts";
import { KeptPages } from "./kept-pages.ts";

/** The page that a reader needs. */
export interface PageRequest extends StreamVersion {
  readonly key: string;
  readonly cursor: EntryId;
  /** Key of its frame, see `frameOf`. */
  readonly frameKey: string | undefined;
  /** Maximum number of entries. */
  readonly maxEntries?: number | undefined;
  /** Only readers that need it at the same time share it. */
  readonly isPassing?: boolean;
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
  /** Returns the page after a cursor if it is in memory or being read for another reader, so that it needs no more memory. */
  shared(request: PageRequest): Promise<SharedPage> | undefined;
  /**
   * Reads the page after a cursor, with about `PAGE_BYTES` of entries. Call if it is not shared.
   *
   * @throws GatewayError
   */
  read(request: PageRequest): Promise<SharedPage>;
  /** Drops the pages of a stream, also those being read: entries of it were removed. */
  forget(key: string): void;
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
  /** Reads by the name of their page. */
  const inFlight = new Map<string, { readonly key: string; readonly page: Promise<HistoryPage> }>();
  const kept = new KeptPages(cacheBytes, counters);

  async function readPage({ key, cursor, maxEntries = MAX_ENTRIES }: PageRequest): Promise<HistoryPage> {
    counters.pagesRead++;
    const count = Math.max(1, Math.min(maxEntries, Math.floor(pageBytes / sizes.expected(key))));
    const { entries, isLast, hasGap, isGone, oldest } = await streamReader.readAfter(key, cursor, count);
    const last = entries[entries.length - 1];
    return { batch: last && createBatch(key, cursor, entries, last.id), isLast, hasGap, isGone, oldest };
  }

  return {
    expectedBytes: (key) => Math.max(pageBytes, sizes.expected(key)),
    shared(request) {
      const name = nameOf(request);
      const page = kept.find(name, request.frameKey) ?? inFlight.get(name)?.page;
      if (page === undefined) return undefined;
      counters.pagesShared++;
      return Promise.resolve(page);
    },
    read(request) {
      const name = nameOf(request);
      const { key } = request;
      const page = readPage(request)
        .then((found) => {
          const { batch, isLast } = found;
          // A short page is soon out of date and cheap to read again. One that was forgotten may have removed entries.
          const isKept = batch !== undefined && !isLast && !request.isPassing && inFlight.get(name) === read;
          if (isKept) kept.add(name, key, { ...found, batch });
          return found;
        })
        .finally(() => {
          if (inFlight.get(name) === read) inFlight.delete(name);
        });
      const read = { key, page };
      inFlight.set(name, read);
      return page;
    },
    forget(key) {
      kept.forget(key);
      for (const [name, read] of inFlight) if (read.key === key) inFlight.delete(name);
    },
  };
}

/** Returns the name under which a page and its read are shared. */
const nameOf = ({ key, cursor, birth = 0, recreation }: PageRequest): string =>
  `${cursor} ${birth} ${recreation} ${key}`;
