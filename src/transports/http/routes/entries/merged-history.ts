/**
 * History of several streams as one: entries in the order of their ids. Entries with the same id, in different streams, are
 * never divided between two pages, so that the next page begins after the last id of this one.
 */
import type { Entry, Gap, StreamEntries } from "../../../../domain/streams/entry.ts";
import { compareIds, type EntryId, idAfter, idBefore } from "../../../../domain/streams/entry-id.ts";
import type { Range, RangeOptions, StreamReader } from "../../../../redis/read/stream-reader.ts";

/** Entry with its stream. */
export interface MergedEntry {
  readonly key: string;
  readonly stream: string;
  readonly entry: Entry;
}

/** A stream of the history. */
export interface MergedStream {
  readonly key: string;
  readonly name: string;
}

/** A stream with the range to read. */
export interface MergedSource extends MergedStream, Pick<RangeOptions, "start" | "end"> {}

/** Reads of a merge. */
export type MergeReader = Pick<StreamReader, "readRange" | "readAfter">;

interface Source extends MergedStream {
  /** Read and not merged yet. */
  entries: readonly Entry[];
  /** The rest of the range; undefined if all of it has been read. */
  rest: Pick<RangeOptions, "start" | "end"> | undefined;
  /** Id of the last entry that has been read; undefined before the first one. */
  last: EntryId | undefined;
}

/** Minimum number of entries of one read. With fewer, a page would need about as many reads as it has entries. */
const MIN_ENTRIES = 4;

/** Returns the number of entries that are first read of each stream. */
export const entriesPerStream = (count: number, streams: number): number =>
  Math.min(count, Math.max(MIN_ENTRIES, Math.ceil((2 * count) / Math.max(1, streams))));

/** Options of a merge. */
export interface MergeOptions {
  readonly reverse: boolean;
  /** Returns the maximum number of entries of the next read of a stream. */
  readonly countOf: (key: string) => number;
  /** Called for entries of the ranges that may have been trimmed between two reads. Requires ascending order. */
  readonly onGap?: (gap: Gap) => void;
}

/** Merges the ranges of streams, part by part. Keeps at most one read of each stream in memory. */
export class MergedRange {
  readonly #streamReader: MergeReader;
  readonly #sources: readonly Source[];
  readonly #options: MergeOptions;

  constructor(streamReader: MergeReader, sources: readonly MergedSource[], options: MergeOptions) {
    this.#streamReader = streamReader;
    this.#sources = sources.map(({ key, name, start, end }) => ({
      ...{ key, name, entries: [] },
      rest: { start, end },
      last: undefined,
    }));
    this.#options = options;
  }

  /** Whether the ranges may contain more entries. */
  hasMore(): boolean {
    return this.#sources.some(({ entries, rest }) => entries.length > 0 || rest !== undefined);
  }

  /** Reads the next entries, in order. @throws GatewayError */
  async next(): Promise<readonly MergedEntry[]> {
    await Promise.all(this.#sources.map((source) => this.#readMore(source)));
    return takeOrdered(this.#sources, this.#options.reverse ? -1 : 1);
  }

  /** Reads the next entries of a stream whose entries have all been merged. */
  async #readMore(source: Source): Promise<void> {
    if (source.rest === undefined || source.entries.length > 0) return;
    const { reverse, countOf, onGap } = this.#options;
    const range = { ...source.rest, count: countOf(source.key), reverse };
    const { entries, isCut } =
      onGap === undefined || source.last === undefined
        ? await this.#streamReader.readRange(source.key, range, this.#sources.length)
        : await this.#readOn(source, source.last, range, onGap);
    source.entries = entries;
    const last = entries.at(-1)?.id;
    source.rest = isCut && last !== undefined ? restAfter(range, last) : undefined;
    source.last = last ?? source.last;
  }

  /** Returns the id of the last entry that was read of each stream. */
  lastIds(): ReadonlyMap<string, EntryId | undefined> {
    return new Map(this.#sources.map(({ key, last }) => [key, last]));
  }

  /** Reads the entries after the last one, and reports those that have been trimmed meanwhile. */
  async #readOn(
    { key, name }: Source,
    after: EntryId,
    { end, count }: RangeOptions,
    onGap: (gap: Gap) => void,
  ): Promise<Range> {
    if (compareIds(after, end) >= 0) return { entries: [], isCut: false };
    const page = await this.#streamReader.readAfter(key, after, count, this.#sources.length);
    const entries = page.entries.filter(({ id }) => compareIds(id, end) <= 0);
    if (page.hasGap || page.isGone)
      onGap({ stream: name, after, before: entries[0]?.id ?? idAfter(end) ?? end });
    return { entries, isCut: !page.isLast && entries.length === page.entries.length };
  }
}

function restAfter({ start, end, reverse }: RangeOptions, last: EntryId): Source["rest"] {
  const next = reverse ? idBefore(last) : idAfter(last);
  if (next === undefined) return undefined;
  return reverse ? { start, end: next } : { start: next, end };
}

/** Takes the entries that no unread entry precedes. */
function takeOrdered(sources: readonly Source[], order: 1 | -1): readonly MergedEntry[] {
  let frontier: EntryId | undefined;
  for (const { entries, rest } of sources) {
    const last = entries.at(-1)?.id;
    if (rest === undefined || last === undefined) continue;
    if (frontier === undefined || compareIds(last, frontier) * order < 0) frontier = last;
  }
  const taken: MergedEntry[] = [];
  for (const source of sources) {
    const { key, name } = source;
    const end = source.entries.findIndex(
      ({ id }) => frontier !== undefined && compareIds(id, frontier) * order > 0,
    );
    const ready = end < 0 ? source.entries : source.entries.slice(0, end);
    source.entries = end < 0 ? [] : source.entries.slice(end);
    for (const entry of ready) taken.push({ key, stream: name, entry });
  }
  return taken.sort((a, b) => compareIds(a.entry.id, b.entry.id) * order);
}

/** Returns the number of entries up to `max`, and further ones with the same id as the last. */
export function pageSize(entries: readonly MergedEntry[], max: number): number {
  let size = Math.min(max, entries.length);
  const last = entries[size - 1]?.entry.id;
  while (last !== undefined && entries[size]?.entry.id === last) size++;
  return size;
}

/** Groups consecutive entries of one stream. */
export function groupedByStream(entries: readonly MergedEntry[]): readonly StreamEntries[] {
  const groups: { readonly stream: string; readonly entries: Entry[] }[] = [];
  for (const { stream, entry } of entries) {
    const last = groups.at(-1);
    if (last?.stream === stream) last.entries.push(entry);
    else groups.push({ stream, entries: [entry] });
  }
  return groups;
}
