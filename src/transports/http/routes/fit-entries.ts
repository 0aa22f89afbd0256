/** Selects the entries of a response so that the headers which describe them fit (`header-room.ts`). Pure. */
import type { Gap, StreamEntries } from "../../../domain/entry.ts";
import { asciiJson } from "../../../wire/header.ts";

/** What was read for a response. */
export interface FoundEntries {
  readonly streams: readonly StreamEntries[];
  /** Gaps before the entries of a stream, at most one of each stream. */
  readonly gaps: readonly Gap[];
}

/** How the entries are described, and within how many bytes. */
export interface FitOptions {
  /** Each entry takes an item of `x-offsets`. */
  readonly hasOffsets: boolean;
  /** Older entries are left out first, because they are skipped anyway; otherwise newer ones. */
  readonly latest: boolean;
  /** Bytes for `x-offsets` and `x-gaps` together. */
  readonly room: number;
}

/** Brackets of the two lists. */
const LIST_BYTES = 4;
/** Quotes, brackets and commas of an item of `x-offsets`, beside the name with its quotes: `[…,"…",…],`. */
const ITEM_MARKS = 7;
/** An entry id as Redis assigns it: 13 digits of milliseconds and `-0`. */
const ID_BYTES = 15;

/** How many entries can fit at most, so that no more are read. */
export function mostFitting(streams: readonly string[], { hasOffsets, room }: FitOptions): number {
  if (!hasOffsets) return Number.POSITIVE_INFINITY;
  const shortest = Math.min(...streams.map(nameBytes));
  return Math.max(1, Math.floor(room / (shortest + ID_BYTES + ITEM_MARKS)));
}

/**
 * Takes entries of all streams in turn until the headers are full, so that no stream waits for another one to be read to
 * its end. A gap is reported with the first entries after it, or with none.
 *
 * @returns undefined where there are entries, and not one of them fits
 */
export function fitEntries(found: FoundEntries, options: FitOptions): FoundEntries | undefined {
  const { streams, gaps } = found;
  const { hasOffsets, latest } = options;
  if (!hasOffsets && gaps.length === 0) return found;
  let room = options.room - LIST_BYTES;
  const digits = String(streams.reduce((sum, one) => sum + bytesOf(one), 0)).length;
  // Most responses. It costs no object for each stream.
  if (gaps.length === 0 && allFit(streams, digits, room)) return found;
  const lanes = streams.map((one) => {
    const gap = gaps.find(({ stream }) => stream === one.stream);
    return { ...one, gap, name: nameBytes(one.stream), taken: 0, isFull: false };
  });
  for (let hasTaken = true; hasTaken; ) {
    hasTaken = false;
    for (const lane of lanes) {
      const { entries, taken, name, gap } = lane;
      const entry = entries[latest ? entries.length - 1 - taken : taken];
      if (entry === undefined || lane.isFull) continue;
      const item = hasOffsets ? name + entry.id.length + digits + ITEM_MARKS : 0;
      const bytes = item + (gap === undefined || taken > 0 ? 0 : gapItem(gap).length + 1);
      lane.isFull = bytes > room;
      if (lane.isFull) continue;
      room -= bytes;
      lane.taken++;
      hasTaken = true;
    }
  }
  const left = lanes.filter(({ taken }) => taken > 0);
  if (left.length === 0 && streams.length > 0) return undefined;
  return {
    streams: left.map(({ stream, entries, taken }) => ({
      stream,
      entries: taken === entries.length ? entries : latest ? entries.slice(-taken) : entries.slice(0, taken),
    })),
    gaps: left.flatMap(({ gap }) => gap ?? []),
  };
}

/** Whether `x-offsets` has room for all entries, and each stream has some. */
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

/** `x-gaps`: `[[stream_id, after, before], …]` in ASCII. */
export const gapsHeader = (gaps: readonly Gap[]): string => `[${gaps.map(gapItem).join(",")}]`;

const gapItem = ({ stream, after, before }: Gap): string =>
  asciiJson(JSON.stringify([stream, after, before]));

/** A stream's name as it stands in a header, with its quotes. */
const nameBytes = (stream: string): number => asciiJson(JSON.stringify(stream)).length;

const bytesOf = ({ entries }: StreamEntries): number =>
  entries.reduce((sum, { data }) => sum + data.length, 0);
