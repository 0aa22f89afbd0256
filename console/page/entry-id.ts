/** Order of entry ids. */
import { compareIds, type EntryId } from "../../src/domain/streams/entry-id.ts";

/** Whether an id is later than another one. Both are in the form in which the gateway sends them. */
export const isLater = (id: string, other: string): boolean =>
  compareIds(id as EntryId, other as EntryId) > 0;
