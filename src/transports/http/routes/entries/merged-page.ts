/**
 * Page of the history of several streams. They are not read at the same time, so one of them may get an entry with an id below
 * the last one of the page after it was read: a late entry, which a client that continues after the page would miss. If the
 * page ends in the present, the streams are therefore read again up to its last id, once the millisecond of that id has passed
 * in Redis: then they get nothing more there.
 */
import { sleep } from "../../../../domain/scheduling/sleep.ts";
import { bytesOf } from "../../../../domain/streams/entry.ts";
import { compareIds, type EntryId, earlierId, idAfter } from "../../../../domain/streams/entry-id.ts";
import { PASSED_MS, watermark } from "../../../../domain/streams/watermark.ts";
import type { RangeOptions, StreamReader } from "../../../../redis/read/stream-reader.ts";
import {
  entriesPerStream,
  type MergedEntry,
  MergedRange,
  type MergedStream,
  type MergeReader,
  pageSize,
} from "./merged-history.ts";

/** Page of the merged history. */
export interface MergedPage {
  readonly entries: readonly MergedEntry[];
  /** The range may contain more entries. */
  readonly isCut: boolean;
}

/** Streams of a page, and its maximum size. */
export interface MergedPageParts {
  readonly streamReader: MergeReader;
  readonly streams: readonly MergedStream[];
  /** Returns the streams that exist now. */
  readonly listAgain: () => Promise<readonly MergedStream[]>;
  /** Approximate maximum size of the page. */
  readonly maxBytes: number;
}

/** Reads one page: the first `count` entries, and those with the same id as the last. @throws GatewayError */
export async function readMergedRange(
  { streamReader, streams, listAgain, maxBytes }: MergedPageParts,
  { start, end, count, reverse }: RangeOptions,
): Promise<MergedPage> {
  const perRead = entriesPerStream(count, streams.length);
  const sources = streams.map(({ key, name }) => ({ key, name, start, end }));
  const range = new MergedRange(streamReader, sources, { reverse, countOf: () => perRead });
  const merged: MergedEntry[] = [];
  let bytes = 0;
  while (merged.length <= count && bytes < maxBytes && range.hasMore()) {
    for (const one of await range.next()) {
      merged.push(one);
      bytes += bytesOf([one.entry]);
    }
  }
  const size = pageSize(merged, count);
  const page = { entries: merged.slice(0, size), isCut: size < merged.length || range.hasMore() };
  const last = page.entries.at(-1)?.entry.id;
  if (reverse || last === undefined || !mayGetMore(last)) return page;
  const late = await readLateEntries(
    { streamReader, listAgain, lastIds: range.lastIds() },
    { start, end: last, count, reverse },
  );
  return withLateEntries(page, late, count);
}

/** Streams of a page that has been read. */
interface ReadStreams {
  readonly streamReader: Pick<StreamReader, "readRange">;
  /** Returns the streams that exist now. */
  readonly listAgain: () => Promise<readonly MergedStream[]>;
  /** Id of the last entry that was read of each stream. */
  readonly lastIds: ReadonlyMap<string, EntryId | undefined>;
}

/** Late entries. */
interface LateEntries {
  readonly entries: readonly MergedEntry[];
  /** Id up to which all are known. */
  readonly upTo: EntryId;
}

/** Whether streams may have got entries up to an id, which was just read, after others of them were read. */
const mayGetMore = (last: EntryId): boolean => watermark(last, Date.now()) !== last;

/** Reads the late entries. @param page its end is the last id of the page @throws GatewayError */
async function readLateEntries(
  { streamReader, listAgain, lastIds }: ReadStreams,
  page: RangeOptions,
): Promise<LateEntries> {
  await sleep(PASSED_MS);
  const streams = await listAgain();
  const entries: MergedEntry[] = [];
  let upTo = page.end;
  await Promise.all(
    streams.map(async ({ key, name }) => {
      const last = lastIds.get(key);
      if (last !== undefined && compareIds(last, page.end) >= 0) return;
      const start = (last && idAfter(last)) ?? page.start;
      const late = await streamReader.readRange(key, { ...page, start }, streams.length);
      for (const entry of late.entries) entries.push({ key, stream: name, entry });
      if (late.isCut) upTo = earlierId(upTo, late.entries.at(-1)?.id ?? upTo);
    }),
  );
  return { entries, upTo };
}

/** Adds late entries to a page, which ends earlier if it would have more than `count`. */
function withLateEntries(page: MergedPage, late: LateEntries, count: number): MergedPage {
  if (late.entries.length === 0) return page;
  const all = [...page.entries, ...late.entries];
  const known = all
    .filter(({ entry }) => compareIds(entry.id, late.upTo) <= 0)
    .sort((a, b) => compareIds(a.entry.id, b.entry.id));
  const size = pageSize(known, count);
  return { entries: known.slice(0, size), isCut: page.isCut || size < all.length };
}
