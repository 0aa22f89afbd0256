/** Parts of the history of a stream that a pane reads: some seconds at once, and a longer range once the moment stays. */
import type { PulledEntry, Streamer } from "../../client/browser.ts";

/** A range of a stream, read from its start or, `reverse`, from its end. */
export interface Range {
  readonly start?: string;
  readonly end?: string;
  readonly reverse: boolean;
}

/** Bounds of a read. */
interface Bounds {
  readonly entries: number;
  readonly bytes: number;
}

/** Read at once, for each moment that the user passes. */
export const RECENT: Bounds = { entries: 500, bytes: 4e6 };
/** Read once, before the stream is followed live: an event of the last half minute is still in a plot of an IMU. */
export const BEFORE_LIVE: Bounds = { entries: 2000, bytes: 4e6 };
/** Read for the viewers that show a long range. */
export const LONG: Bounds = { entries: 20_000, bytes: 8e6 };
const PAGE_ENTRIES = 2000;

/** Returns how many entries of the size of one to read, so that the page stays small. */
export const countFor = ({ entries, bytes }: Bounds, { data }: PulledEntry): number =>
  Math.max(1, Math.min(entries, Math.floor(bytes / (data.length + 1))));

/** Reads entries of a range, in the order of the range. */
export async function readRange(
  streamer: Streamer,
  key: string,
  range: Range & { readonly count: number },
  signal: AbortSignal,
): Promise<PulledEntry[]> {
  const pageCount = Math.min(range.count, PAGE_ENTRIES);
  const all: PulledEntry[] = [];
  for await (const entry of streamer.entries(key, { ...range, device: "", pageCount, signal }))
    all.push(entry);
  return all;
}

/** Returns the start of a range that ends with an entry. @param spanMs its length; infinite for everything */
export const startOf = ({ timeMs }: PulledEntry, spanMs: number): string =>
  Number.isFinite(spanMs) ? String(Math.max(0, timeMs - spanMs)) : "0";

/** Returns the end of a range that begins with an entry; none for everything. */
export const endOf = ({ timeMs }: PulledEntry, spanMs: number): { readonly end?: string } =>
  Number.isFinite(spanMs) ? { end: String(timeMs + spanMs) } : {};
