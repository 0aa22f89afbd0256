/** Stream reader: reads ranges of streams within a byte limit, one page (`page-reader.ts`) after the other. */

import { bytesOf, type Entry } from "../../domain/streams/entry.ts";
import { type EntryId, LAST_ID } from "../../domain/streams/entry-id.ts";
import type { Commands } from "../resp/commands.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import { createPageReader, idsAfter, type Page, type PageReader } from "./page-reader.ts";
import type { ReplicaReads } from "./replicas.ts";

/** Entries of a range. */
export interface Range {
  readonly entries: readonly Entry[];
  /** The range may contain more entries: `count` or the byte limit ended the read. */
  readonly isCut: boolean;
}

/** A range of a stream, including both ends. */
export interface RangeOptions {
  readonly start: EntryId;
  readonly end: EntryId;
  /** Maximum number of entries. */
  readonly count: number;
  /** Newest first. */
  readonly reverse: boolean;
}

/**
 * Reads streams. All reads throw `GatewayError` and are limited in bytes: above the limit they return fewer entries than
 * requested, but at least one. `among` is the number of concurrent reads that share the limit.
 */
export interface StreamReader {
  /** Reads up to `count` entries after a cursor, and whether entries before them may have been trimmed. */
  readAfter(key: string, cursor: EntryId, count: number, among?: number): Promise<Page>;
  /** Reads the newest `count` entries after a cursor, in ascending order. */
  readNewest(key: string, cursor: EntryId, count: number, among?: number): Promise<readonly Entry[]>;
  /** Reads the entries of a range. */
  readRange(key: string, range: RangeOptions, among?: number): Promise<Range>;
  /** Expected bytes of a read of `count` entries. */
  expectedBytes(key: string, count: number, among?: number): number;
}

/** Options of `createStreamReader`. */
export interface StreamReaderParts {
  readonly reads: Commands;
  /** Reads with large replies, over another connection. */
  readonly largeReads: Commands;
  /** Source of full pages; if absent, all pages are read from the master. */
  readonly replicas?: ReplicaReads | undefined;
  readonly sizes: EntrySizes;
  /** Approximate maximum size (bytes) of one read. */
  readonly answerBytes: number;
  /** Approximate size (bytes) of one request to Redis; bounds the delay of other reads on the connection. */
  readonly pageBytes: number;
}

/** Creates the stream reader. */
export function createStreamReader(parts: StreamReaderParts): StreamReader {
  const { sizes, answerBytes, pageBytes } = parts;
  const pages = new PageLoop(parts);
  return {
    readAfter: (key, cursor, count, among = 1) => pages.after(key, cursor, count, among),

    async readNewest(key, cursor, count, among = 1) {
      const [first, last] = idsAfter(cursor);
      const range = await pages.range("XREVRANGE", key, [last, first], count, among);
      return [...range.entries].reverse();
    },

    readRange: (key, { start, end, count, reverse }, among = 1) =>
      reverse
        ? pages.range("XREVRANGE", key, [end, start], count, among)
        : pages.range("XRANGE", key, [start, end], count, among),

    expectedBytes(key, count, among = 1) {
      const one = sizes.expected(key);
      // The last page may exceed the limit.
      return Math.max(one, Math.min(count * one, Math.ceil(answerBytes / among) + pageBytes));
    },
  };
}

/** Reads page after page, up to the byte limit. */
class PageLoop {
  readonly #parts: StreamReaderParts;
  readonly #pages: PageReader;

  constructor(parts: StreamReaderParts) {
    this.#parts = parts;
    this.#pages = createPageReader(parts);
  }

  /** Reads entries after a cursor. */
  async after(key: string, cursor: EntryId, count: number, among: number): Promise<Page> {
    const page = await this.#pages.after(key, cursor, this.#nextSize(key, count, among, [], 0));
    const { hasGap, isGone, oldest } = page;
    let { isLast } = page;
    if (isLast || page.entries.length >= count) return page;
    const entries = [...page.entries];
    let bytes = bytesOf(entries);
    for (;;) {
      const size = this.#nextSize(key, count, among, entries, bytes);
      const last = entries.at(-1);
      if (size === 0 || last === undefined || isLast) return { entries, isLast, hasGap, isGone, oldest };
      const more = await this.#pages.after(key, last.id, size);
      // Entries trimmed between two pages are a gap for the reader that continues here.
      if (more.hasGap || more.isGone) return { entries, isLast: false, hasGap, isGone, oldest };
      for (const one of more.entries) entries.push(one);
      bytes += bytesOf(more.entries);
      isLast = more.isLast;
    }
  }

  /** Reads a range. @param from first bound of the command @param to its second bound */
  async range(
    command: "XRANGE" | "XREVRANGE",
    key: string,
    [from, to]: readonly [string, string],
    count: number,
    among: number,
  ): Promise<Range> {
    const entries: Entry[] = [];
    let bytes = 0;
    for (;;) {
      const size = this.#nextSize(key, count, among, entries, bytes);
      if (size === 0) return { entries, isCut: true };
      const last = entries.at(-1)?.id;
      // No id is greater than the maximum id, and Redis rejects a range after it.
      if (last === LAST_ID && command === "XRANGE") return { entries, isCut: false };
      const start = last === undefined ? from : `(${last}`;
      const found = await this.#pages.range(command, key, start, to, size);
      for (const one of found) entries.push(one);
      if (found.length < size) return { entries, isCut: false };
      bytes += bytesOf(found);
    }
  }

  /** Returns the number of entries of the next page; 0 if the read is complete or has reached its byte limit. */
  #nextSize(key: string, count: number, among: number, found: readonly Entry[], bytes: number): number {
    const { sizes, answerBytes, pageBytes } = this.#parts;
    const missing = count - found.length;
    if (missing <= 0 || bytes >= answerBytes / among) return 0;
    return Math.max(1, Math.min(missing, Math.floor(pageBytes / sizes.expected(key))));
  }
}
