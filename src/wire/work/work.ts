/**
 * Messages of work queues: `[[stream_id, entry_id, payload, fields or null, {"n": 1}], …]`, where `n` is the delivery count, and
 * notices, which are objects. Each format encodes them (`../clean-format.ts`).
 */
import type { Entry } from "../../domain/streams/entry.ts";
import { isLongToEncode } from "../pieces.ts";

/** An entry for a worker. */
export interface WorkItem {
  readonly entry: Entry;
  /** Number of deliveries of the entry, including this one. */
  readonly n: number;
}

/** Whether entries must be encoded in steps, because encoding takes long. */
export const isLongWork = (items: readonly WorkItem[]): boolean =>
  isLongToEncode([{ stream: "", entries: items.map(({ entry }) => entry) }]);

/** An entry id, or `[stream_id, entry_id]` if there are several streams. */
export type EntryName = string | readonly string[];

/** Notice to a worker: the answer to its message, by the number of entries, or entries that were trimmed: `{"done": {"ack": 3, "late": ["5-1"]}}`, `{"lost": ["4-0"]}`. */
export type WorkNotice =
  | {
      readonly done: {
        readonly counts: Readonly<Record<string, number>>;
        readonly late: readonly EntryName[];
      };
    }
  | { readonly lost: readonly EntryName[] };
