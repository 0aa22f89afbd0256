/**
 * Tail: reads new entries of all watched streams over one connection, once for all readers. Implementations differ in how
 * they detect growth (`tracking-tail.ts`, `blocking-tail.ts`, `cluster-tail.ts`). All guarantee that each watched stream
 * delivers every entry after the given id, in order, without duplicates, even across lost connections.
 */

import type { GatewayError } from "../../domain/errors.ts";
import type { Entry } from "../../domain/streams/entry.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";

/** New entries of one stream from one read. */
export interface TailRead {
  readonly key: string;
  /** Id after which the read started. */
  readonly after: EntryId;
  /** At least one. */
  readonly entries: readonly Entry[];
  /** Entries between `after` and the first may have been trimmed or deleted before the tail read the stream. */
  readonly hasGap: boolean;
  /** The stream was created again, and ids up to `after` are used again for other entries. */
  readonly isNewLife: boolean;
}

/** Reads watched streams as they grow. */
export interface Tail {
  /**
   * Starts reading a stream after an id. Watching it again moves its position.
   *
   * @param isRead whether the entry with that id has just been read, so that a stream which never had it is another one
   */
  watch(key: string, after: EntryId, isRead?: boolean): void;
  /** Whether the tail detects removed entries before new ones are added. */
  noticesRemovals(): boolean;
  /** Stops reading a stream. */
  unwatch(key: string): void;
  close(): void;
}

/**
 * Receives the entries of a read, all streams in one call, so that they stay in one event-loop turn.
 *
 * @returns whether the entries are still in use after the call
 */
export type OnTailReads = (reads: readonly TailRead[]) => boolean;

/**
 * Entries of a stream were removed, and nothing follows the tail's position: entries kept in memory may no longer exist.
 *
 * @param isNewLife the stream was created again, and ids up to the position are used again for other entries
 */
export type OnTailRemoval = (key: string, isNewLife: boolean) => void;

/** Redis does not permit the gateway to read a stream. */
export type OnTailForbidden = (key: string, error: GatewayError) => void;

/** Events of a tail besides its reads. */
export interface TailEvents {
  /** Called if the tail can detect it. */
  readonly onRemoval?: OnTailRemoval | undefined;
  readonly onForbidden?: OnTailForbidden | undefined;
}
