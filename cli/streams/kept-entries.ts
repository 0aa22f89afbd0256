/** Entries that streams have now, in the order of their ids. */
import type { PulledEntry, Streamer } from "../../client/index.ts";
import type { EntryId } from "../../src/domain/streams/entry-id.ts";
import { mergeById } from "../../src/recordings/play/merge.ts";
import { namesToRead, type PulledStreams, rangeOf } from "./pulled-streams.ts";

const PAGE_ENTRIES = 1_000;

/** Yields the entries after a cursor, up to the newest one at the time of the call. @throws StreamerError */
export async function* keptEntries(
  streamer: Streamer,
  names: readonly string[],
  after: string,
  pulled: PulledStreams,
  signal: AbortSignal,
): AsyncGenerator<PulledEntry, void, undefined> {
  const sequences: AsyncGenerator<PulledEntry, void, undefined>[] = [];
  const start = `(${after === "0" || after === "-" ? "0-0" : after}`;
  for (const name of namesToRead(names, pulled)) {
    const range = { ...rangeOf(name, pulled), signal };
    const newest = await streamer.entries(name, { ...range, reverse: true, count: 1 }).next();
    if (newest.value === undefined) continue;
    const end = newest.value.id;
    sequences.push(streamer.entries(name, { ...range, start, end, pageCount: PAGE_ENTRIES }));
  }
  const sources = sequences.map((sequence) => ({ open: () => sequence }));
  let id = "";
  const streams = new Set<string>();
  for await (const entry of mergeById(sources, (one) => one.id as EntryId)) {
    if (entry.id !== id) streams.clear();
    id = entry.id;
    // A stream that several names select is read by each.
    if (!streams.has(entry.stream)) yield entry;
    streams.add(entry.stream);
  }
}
