/** Entries that streams have now, in the order of their ids. */
import type { PulledEntry, Streamer } from "../../client/index.ts";
import { compareIds, type EntryId } from "../../src/domain/streams/entry-id.ts";
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
  const sources: Source[] = [];
  const start = `(${after === "0" || after === "-" ? "0-0" : after}`;
  for (const name of namesToRead(names, pulled)) {
    const range = { ...rangeOf(name, pulled), signal };
    const newest = await streamer.entries(name, { ...range, reverse: true, count: 1 }).next();
    if (newest.value === undefined) continue;
    const end = newest.value.id;
    const entries = streamer.entries(name, { ...range, start, end, pageCount: PAGE_ENTRIES });
    const first = await entries.next();
    if (first.value !== undefined) sources.push({ entries, next: first.value });
  }
  yield* merged(sources);
}

/** Yields entries in the order of their ids, those of a stream that several names select once. */
async function* merged(sources: Source[]): AsyncGenerator<PulledEntry, void, undefined> {
  let id = "";
  const streams = new Set<string>();
  while (sources.length > 0) {
    const source = sources.reduce((a, b) => (compareIds(idOf(b), idOf(a)) < 0 ? b : a));
    const { next } = source;
    if (next.id !== id) streams.clear();
    id = next.id;
    if (!streams.has(next.stream)) yield next;
    streams.add(next.stream);
    const following = await source.entries.next();
    if (following.value === undefined) sources.splice(sources.indexOf(source), 1);
    else source.next = following.value;
  }
}

interface Source {
  readonly entries: AsyncGenerator<PulledEntry, void, undefined>;
  next: PulledEntry;
}

const idOf = ({ next }: Source): EntryId => next.id as EntryId;
