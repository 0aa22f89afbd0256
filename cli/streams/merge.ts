/** Merges sequences of entries in the order of their ids. */
import { compareIds, type EntryId } from "../../src/domain/streams/entry-id.ts";

interface Source<T> {
  readonly entries: AsyncGenerator<T, void, undefined>;
  next: T;
}

/** Yields the entries of all sequences, each of which is in the order of its ids. */
export async function* mergeById<T>(
  sequences: readonly AsyncGenerator<T, void, undefined>[],
  idOf: (entry: T) => EntryId,
): AsyncGenerator<T, void, undefined> {
  const sources: Source<T>[] = [];
  try {
    for (const entries of sequences) {
      const first = await entries.next();
      if (!first.done) sources.push({ entries, next: first.value });
    }
    while (sources.length > 0) {
      const source = sources.reduce((a, b) => (compareIds(idOf(b.next), idOf(a.next)) < 0 ? b : a));
      yield source.next;
      const following = await source.entries.next();
      if (following.done) sources.splice(sources.indexOf(source), 1);
      else source.next = following.value;
    }
  } finally {
    for (const entries of sequences) await entries.return();
  }
}
