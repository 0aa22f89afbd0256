/** Selection of the entries of a response so that its headers fit the size limit (`header-room.ts`). Pure functions. */
import type { Entry, Gap, StreamEntries } from "../../../../domain/streams/entry.ts";
import { asciiJson } from "../../../../wire/header.ts";

/** Entries and gaps read for a response. */
export interface FoundEntries {
  readonly streams: readonly StreamEntries[];
  /** Gaps before the entries of a stream, at most one per stream. */
  readonly gaps: readonly Gap[];
}

/** Header format and size limit. */
export interface FitOptions {
  /** Whether each entry has an item in `x-offsets`. */
  readonly hasOffsets: boolean;
  /** Drop older entries first, because the client skips them anyway; otherwise newer ones. */
  readonly latest: boolean;
  /** Bytes available for `x-offsets` and `x-gaps` together. */
  readonly room: number;
}

/** Brackets of the two lists. */
const LIST_BYTES = 4;
/** Quotes, brackets and commas of an item of `x-offsets`, without the quoted name: `[…,"…",…],`. */
const ITEM_MARKS = 7;
/** An entry id as Redis assigns it: 13 digits of milliseconds and `-0`. */
const ID_BYTES = 15;

/** Returns the maximum number of entries that can fit, to limit the read. */
export function maxFitting(streams: readonly string[], { hasOffsets, room }: FitOptions): number {
  if (!hasOffsets) return Number.POSITIVE_INFINITY;
  const shortest = Math.min(...streams.map(nameBytes));
  return Math.max(1, Math.floor(room / (shortest + ID_BYTES + ITEM_MARKS)));
}

/**
 * Takes entries from all streams round robin until the headers are full, so that no stream starves another one. A gap is
 * reported together with the first entry after it, or not at all.
 *
 * @returns undefined if there are entries but none of them fits
 */
export function fitEntries(found: FoundEntries, options: FitOptions): FoundEntries | undefined {
  const { streams, gaps } = found;
  const { hasOffsets, latest } = options;
  if (!hasOffsets && gaps.length === 0) return found;
  let room = options.room - LIST_BYTES;
  const digits = String(streams.reduce((sum, one) => sum + payloadBytesOf(one), 0)).length;
  // Fast path of most responses: no object per stream.
  if (gaps.length === 0 && allFit(streams, digits, room)) return found;
  const selections = streams.map((one) => {
    const gap = gaps.find(({ stream }) => stream === one.stream);
    return { ...one, gap, name: nameBytes(one.stream), taken: 0, isFull: false };
  });
  for (let hasTaken = true; hasTaken; ) {
    hasTaken = false;
    for (const selection of selections) {
      const { entries, taken, name, gap } = selection;
      const entry = entries[latest ? entries.length - 1 - taken : taken];
      if (entry === undefined || selection.isFull) continue;
      const item = hasOffsets ? name + entry.id.length + digits + ITEM_MARKS : 0;
      const bytes = item + (gap === undefined || taken > 0 ? 0 : gapItem(gap).length + 1);
      selection.isFull = bytes > room;
      if (selection.isFull) continue;
      room -= bytes;
      selection.taken++;
      hasTaken = true;
    }
  }
  const left = selections.filter(({ taken }) => taken > 0);
  if (left.length === 0 && streams.length > 0) return undefined;
  return {
    streams: left.map(({ stream, entries, taken }) => ({
      stream,
      entries: taken === entries.length ? entries : latest ? entries.slice(-taken) : entries.slice(0, taken),
    })),
    gaps: left.flatMap(({ gap }) => gap ?? []),
  };
}

/** Returns how many of the first entries have room in `x-offsets`. */
export function fitPrefix(
  entries: readonly { readonly stream: string; readonly entry: Entry }[],
  { hasOffsets, room }: FitOptions,
): number {
  if (!hasOffsets) return entries.length;
  const digits = String(entries.reduce((sum, { entry }) => sum + entry.data.length, 0)).length;
  let left = room - LIST_BYTES;
  const end = entries.findIndex(({ stream, entry }) => {
    left -= nameBytes(stream) + entry.id.length + digits + ITEM_MARKS;
    return left < 0;
  });
  return end < 0 ? entries.length : end;
}

/** Whether each stream has entries, and all of them fit `x-offsets`. */
function allFit(streams: readonly StreamEntries[], digits: number, room: number): boolean {
  let bytes = 0;
  for (const { stream, entries } of streams) {
    if (entries.length === 0) return false;
    bytes += entries.length * (nameBytes(stream) + digits + ITEM_MARKS);
    for (const { id } of entries) bytes += id.length;
    if (bytes > room) return false;
  }
  return true;
}

/** Returns the value of `x-gaps`: `[[stream_id, after, before], …]` in ASCII. */
export const gapsHeader = (gaps: readonly Gap[]): string => `[${gaps.map(gapItem).join(",")}]`;

const gapItem = ({ stream, after, before }: Gap): string =>
  asciiJson(JSON.stringify([stream, after, before]));

/** Returns the size of a quoted stream name in a header. */
const nameBytes = (stream: string): number => asciiJson(JSON.stringify(stream)).length;

const payloadBytesOf = ({ entries }: StreamEntries): number =>
  entries.reduce((sum, { data }) => sum + data.length, 0);
