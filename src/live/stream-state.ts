/** State of one stream of a subscription: its cursor, and what is known about the entries after it. */
import type { EntryId } from "../domain/streams/entry-id.ts";
import type { ClassCounters } from "../observe/stream-classes.ts";
import type { Progress } from "./hub.ts";

/** State of one subscribed stream. */
export interface StreamState {
  readonly key: string;
  readonly name: string;
  cursor: EntryId;
  isAtEnd: boolean;
  /** Counters of the stream's class. */
  readonly counters: ClassCounters;
  /** Entries right after the cursor may be missing; reported before the next entry. */
  hasGap: boolean;
  /** See `SubscribedStream`; undefined once the first entries are read. */
  birth?: number | undefined;
  /** Last entry of the last read, unless the subscription was halted since then. */
  lastRead?: EntryId | undefined;
  /** The subscription no longer reads the stream. */
  isRemoved?: boolean;
  /** The cursor as it was made from a time: the client has received no entry before it, so that none is missing after it. */
  madeFromTime?: EntryId | undefined;
  /** The hub's progress of the stream when this reader last attached. */
  lastAttached?: Progress | undefined;
  /**
   * The hub's progress of the stream at the last call of `follow`, and its `recreation` at that time. Readers that are
   * always behind have it, too: they never attach, but take entries from memory.
   */
  followed?: { readonly progress: Progress | undefined; readonly recreation: number };
}
