/** Merges sequences of entries in the order of their ids. */
import { compareIds, type EntryId, timeOfId } from "../../domain/streams/entry-id.ts";

/** A sequence of entries in the order of their ids. */
export interface MergeSource<T> {
  /** Time in ms before which it has no entry, so that it is opened later; undefined if unknown. */
  readonly startMs?: number | undefined;
  open(): AsyncGenerator<T, void, undefined>;
}

interface OpenSource<T> {
  readonly entries: AsyncGenerator<T, void, undefined>;
  next: T;
}

/** Yields the entries of all sequences. An open sequence has a chunk in memory, so each is opened when its first entry may be next. */
export async function* mergeById<T>(
  sources: readonly MergeSource<T>[],
  idOf: (entry: T) => EntryId,
): AsyncGenerator<T, void, undefined> {
  const startOf = ({ startMs = Number.NEGATIVE_INFINITY }: MergeSource<T>) => startMs;
  const waiting = sources.toSorted((a, b) =>
    startOf(a) === startOf(b) ? 0 : startOf(a) < startOf(b) ? -1 : 1,
  );
  const open: OpenSource<T>[] = [];
  const generators: AsyncGenerator<T, void, undefined>[] = [];
  try {
    for (;;) {
      const [first] = open;
      const source =
        first && open.reduce((a, b) => (compareIds(idOf(b.next), idOf(a.next)) < 0 ? b : a), first);
      const [unopened] = waiting;
      if (
        unopened !== undefined &&
        (source === undefined || startOf(unopened) <= timeOfId(idOf(source.next)))
      ) {
        waiting.shift();
        const entries = unopened.open();
        generators.push(entries);
        const { done, value } = await entries.next();
        if (!done) open.push({ entries, next: value });
        continue;
      }
      if (source === undefined) return;
      yield source.next;
      const following = await source.entries.next();
      if (following.done) open.splice(open.indexOf(source), 1);
      else source.next = following.value;
    }
  } finally {
    for (const entries of generators) await entries.return();
  }
}
