/** Positions in the committed entries of a stream. A run has tens of thousands, so a verdict must not scan them per entry. */
import { compareIds, type EntryId } from "../../src/domain/streams/entry-id.ts";

/** Returns the position of the first id after a cursor, by binary search. @param ids in ascending order */
export function positionAfter(ids: readonly EntryId[], cursor: EntryId): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const id = ids[middle];
    if (id !== undefined && compareIds(id, cursor) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
