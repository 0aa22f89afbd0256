/** Pages of a stream's history, as the page cache returns them. */

import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Batch } from "../batch.ts";

/** Frame of a batch whose entries are no longer in memory. */
export interface FramedBatch extends Pick<Batch, "after" | "last" | "bytes"> {
  readonly first: EntryId;
  /** Number of entries. */
  readonly count: number;
  /** The frame that the reader needs. */
  readonly frame: unknown;
}

/** A page of a stream's history. */
export interface HistoryPage extends SharedPage {
  readonly batch: Batch | undefined;
}

/** A page of a stream's history for a reader that may share the frame of another one. */
export interface SharedPage {
  /** Undefined if there are no entries after the cursor. */
  readonly batch: Batch | FramedBatch | undefined;
  /** Whether no entries followed the page when it was read. */
  readonly isLast: boolean;
  readonly hasGap: boolean;
  readonly isGone: boolean;
  /** First entry of the stream when the page was read, if it is known. */
  readonly oldest?: EntryId | undefined;
}
