/**
 * Density of a stream over time: entries and bytes per bucket. The work is bounded: a stream with more entries than the budget
 * is sampled. Each cell, a group of buckets, is then read from its start, and the rest of it is estimated at the same rate.
 */
import { bytesOf, type Entry } from "../../../../domain/streams/entry.ts";
import {
  type EntryId,
  idAfter,
  idAtTime,
  idBefore,
  LAST_ID,
  timeOfId,
} from "../../../../domain/streams/entry-id.ts";
import type { StreamReader } from "../../../../redis/read/stream-reader.ts";

/** Equal parts of a time range, in ms. */
export interface Buckets {
  /** Start of the first bucket. */
  readonly start: number;
  /** End of the last bucket, exclusive. */
  readonly end: number;
  readonly count: number;
}

/** Density of one stream. */
export interface Density {
  /** Number of entries per bucket. */
  readonly entries: number[];
  /** Bytes of payloads and fields per bucket. */
  readonly bytes: number[];
  /** Some values are estimates. */
  isSampled: boolean;
}

/** A stream before it is read. */
export interface DensityStream {
  readonly key: string;
  readonly length: number;
}

/** Plan of the reads of a stream. */
export interface DensityPlan {
  /** Entries of one read, if all are read. */
  readonly pageEntries: number;
  /** Number of cells; 0 if all entries are read. */
  readonly cells: number;
  /** Entries that are read of each cell. */
  readonly perCell: number;
  /** Cells that are read at the same time. */
  readonly atOnce: number;
  /** Approximate bytes of the entries in memory at the same time. */
  readonly bytes: number;
}

/** Maximum entries in memory at the same time, and approximate maximum of their bytes. */
const PAGE = { entries: 256, bytes: 2 * 1024 * 1024 };
/** Entries that are read of a cell at least, so that a rate can be estimated. */
const MIN_PER_CELL = 4;
/** Maximum cells that are read at the same time. */
const CELLS_AT_ONCE = 8;

/** Decides how a stream is read. @param budget approximate maximum number of entries to read */
export function planDensity(
  streamReader: Pick<StreamReader, "expectedBytes">,
  { key, length }: DensityStream,
  { count }: Buckets,
  budget: number,
): DensityPlan {
  const one = streamReader.expectedBytes(key, 1);
  const pageEntries = Math.max(1, Math.min(PAGE.entries, Math.floor(PAGE.bytes / one)));
  if (length <= budget) {
    const bytes = streamReader.expectedBytes(key, Math.min(length, pageEntries));
    return { pageEntries, cells: 0, perCell: 0, atOnce: 0, bytes };
  }
  const cells = Math.max(1, Math.min(count, Math.floor(budget / MIN_PER_CELL)));
  const perCell = Math.max(MIN_PER_CELL, Math.min(pageEntries, Math.floor(budget / cells)));
  const atOnce = Math.max(1, Math.min(CELLS_AT_ONCE, Math.floor(pageEntries / perCell)));
  const bytes = atOnce * streamReader.expectedBytes(key, perCell, atOnce);
  return { pageEntries, cells, perCell, atOnce, bytes };
}

/** Returns the index of the bucket of a time. */
function bucketAt({ start, end, count }: Buckets, ms: number): number {
  const index = Math.floor(((ms - start) * count) / (end - start));
  return Math.min(Math.max(0, index), count - 1);
}

/** Returns the time at which a bucket begins. */
const startOf = ({ start, end, count }: Buckets, bucket: number): number =>
  start + (bucket * (end - start)) / count;

/**
 * Reads the density of a stream.
 *
 * @param isNeeded returns false once the client has disconnected
 * @throws GatewayError
 */
export async function readDensity(
  streamReader: Pick<StreamReader, "readRange">,
  { key, length }: DensityStream,
  buckets: Buckets,
  plan: DensityPlan,
  isNeeded: () => boolean,
): Promise<Density> {
  const density: Density = {
    entries: Array.from({ length: buckets.count }, () => 0),
    bytes: Array.from({ length: buckets.count }, () => 0),
    isSampled: false,
  };
  if (length === 0) return density;
  const { cells, perCell, atOnce, pageEntries } = plan;
  if (cells === 0) {
    await readAll(streamReader, key, buckets, density, { pageEntries, isNeeded });
    return density;
  }
  for (let from = 0; from < cells && isNeeded(); from += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, cells - from) }, (_, i) =>
        readCell(streamReader, key, buckets, density, { index: from + i, cells, perCell, atOnce }),
      ),
    );
  for (const list of [density.entries, density.bytes])
    for (const [i, value] of list.entries()) list[i] = Math.round(value);
  return density;
}

/** Reads all entries of the range. */
async function readAll(
  streamReader: Pick<StreamReader, "readRange">,
  key: string,
  buckets: Buckets,
  density: Density,
  { pageEntries, isNeeded }: { readonly pageEntries: number; readonly isNeeded: () => boolean },
): Promise<void> {
  const end = lastIdBefore(buckets.end);
  let start = idAtTime(Math.ceil(buckets.start));
  while (isNeeded()) {
    const range = { start, end, count: pageEntries, reverse: false };
    const { entries, isCut } = await streamReader.readRange(key, range);
    for (const entry of entries) add(density, buckets, entry);
    const last = entries.at(-1);
    if (!isCut || last === undefined || last.id === end) return;
    start = idAfter(last.id) ?? LAST_ID;
  }
}

/** Reads the first entries of a cell, and estimates the others. */
async function readCell(
  streamReader: Pick<StreamReader, "readRange">,
  key: string,
  buckets: Buckets,
  density: Density,
  {
    index,
    cells,
    perCell,
    atOnce,
  }: Pick<DensityPlan, "cells" | "perCell" | "atOnce"> & { readonly index: number },
): Promise<void> {
  const cellStart = startOf({ ...buckets, count: cells }, index);
  const cellEnd = startOf({ ...buckets, count: cells }, index + 1);
  const [start, end] = [Math.ceil(cellStart), Math.ceil(cellEnd)];
  if (start >= end) return;
  const range = { start: idAtTime(start), end: lastIdBefore(end), count: perCell, reverse: false };
  const { entries, isCut } = await streamReader.readRange(key, range, atOnce);
  for (const entry of entries) add(density, buckets, entry);
  const last = entries.at(-1);
  if (!isCut || last === undefined) return;
  density.isSampled = true;
  // The last entry's own interval is not over, so it does not count for the rate.
  const lastMs = timeOfId(last.id);
  const elapsed = lastMs - start;
  if (elapsed <= 0) return;
  const perMs = (entries.length - 1) / elapsed;
  const bytesPerEntry = bytesOf(entries) / entries.length;
  spread(density, buckets, { from: lastMs + 1, to: end }, perMs, bytesPerEntry);
}

/** Adds entries at a rate to the buckets of a time range. */
function spread(
  density: Density,
  buckets: Buckets,
  { from, to }: { readonly from: number; readonly to: number },
  perMs: number,
  bytesPerEntry: number,
): void {
  for (let bucket = bucketAt(buckets, from); bucket < buckets.count; bucket++) {
    const begins = Math.max(from, startOf(buckets, bucket));
    const ends = Math.min(to, startOf(buckets, bucket + 1));
    if (begins >= to) return;
    const entries = Math.max(0, ends - begins) * perMs;
    density.entries[bucket] = (density.entries[bucket] ?? 0) + entries;
    density.bytes[bucket] = (density.bytes[bucket] ?? 0) + entries * bytesPerEntry;
  }
}

function add(density: Density, buckets: Buckets, entry: Entry): void {
  const bucket = bucketAt(buckets, timeOfId(entry.id));
  density.entries[bucket] = (density.entries[bucket] ?? 0) + 1;
  density.bytes[bucket] = (density.bytes[bucket] ?? 0) + bytesOf([entry]);
}

const lastIdBefore = (ms: number): EntryId => idBefore(idAtTime(Math.ceil(ms))) ?? LAST_ID;
