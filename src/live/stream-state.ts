/** State of one stream of a subscription: its cursor, and what is known about the entries after it. */
import type { EntryId } from "../domain/streams/entry-id.ts";
import type { ClassCounters } from "../observe/stream-classes.ts";
import type { Progress } from "./hub.ts";

/** One stream that a subscription begins to read. */
export interface SubscribedStream {
  readonly key: string;
  /** Stream name that the client uses. */
  readonly name: string;
  readonly cursor: EntryId;
  /** The cursor is the end of the stream, which has just been read: no history is read first. */
  readonly isAtEnd: boolean;
  /** Entries after the cursor are missing; if absent, the first read detects it. */
  readonly hasGap?: boolean;
  /**
   * Set if the stream has just been created. Its first entries are read from Redis, because memory may hold entries of an
   * earlier stream of that name. Readers with the same number share them.
   */
  readonly birth?: number;
  /** See `StreamState`. */
  readonly madeFromTime?: EntryId;
}

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
  birth: number | undefined;
  /** Last entry of the last read, unless the subscription was halted since then. */
  lastRead: EntryId | undefined;
  /** The subscription no longer reads the stream. */
  isRemoved: boolean;
  /** The cursor as it was made from a time: the client has received no entry before it, so that none is missing after it. */
  madeFromTime: EntryId | undefined;
  /** The hub's progress of the stream when this reader last attached. */
  lastAttached: Progress | undefined;
  /**
   * The hub's progress of the stream at the last call of `follow`, and its `recreation` at that time. Readers that are
   * always behind have it, too: they never attach, but take entries from memory.
   */
  followed: { readonly progress: Progress | undefined; readonly recreation: number } | undefined;
}

/**
 * Creates the state of a stream that nothing has been sent of. All states have the same properties in the same order, because
 * V8 accesses objects of a few shapes faster, and each entry passes the state of each of its readers. Fields that each entry
 * needs come first.
 */
export const createStreamState = (
  { key, name, cursor, isAtEnd, hasGap = false, birth, madeFromTime }: SubscribedStream,
  counters: ClassCounters,
): StreamState => ({
  cursor,
  counters,
  hasGap,
  key,
  name,
  isAtEnd,
  birth,
  lastRead: undefined,
  isRemoved: false,
  madeFromTime,
  lastAttached: undefined,
  followed: undefined,
});
