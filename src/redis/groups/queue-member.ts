/** Consumer, as its queues see it. */

import type { GatewayError } from "../../domain/errors.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Delivered } from "./commands/group-commands.ts";
import type { DeadLetters } from "./held-entry.ts";

/** A queue, as its consumers see it. */
export interface MemberQueue {
  /** Key of the stream. */
  readonly key: string;
}

/** A consumer of one or several queues. */
export interface QueueMember {
  readonly name: string;
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  deadLettersOf(queue: MemberQueue): DeadLetters;
  /** Returns how many more entries of the queue it takes now. */
  roomFor(queue: MemberQueue): number;
  /** Reserves permits and memory for entries that are about to be read. @returns whether there was memory */
  reserve(count: number, bytes: number): boolean;
  /** Ends a reservation: the entries have been read. */
  unreserve(count: number, bytes: number): void;
  deliver(queue: MemberQueue, entries: readonly Delivered[]): void;
  /** Called when entries were trimmed before they were done. */
  lost(queue: MemberQueue, ids: readonly EntryId[]): void;
  /** Another consumer received an entry that this one held for too long. */
  forget(queue: MemberQueue, id: EntryId): void;
  /** Called when the queue has nothing more to read: one of lower priority may be read. */
  drained(queue: MemberQueue): void;
  fail(error: GatewayError): void;
}
