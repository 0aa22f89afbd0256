/** Options of a consumer, and how a client names its entries. */
import type { GatewayError } from "../../domain/errors.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Delivered } from "./commands/group-commands.ts";

/** One stream of a consumer. */
export interface ConsumerStream {
  readonly key: string;
  readonly deadLetter: string;
}

/** Memory for the entries of a consumer, from the budget of its client. */
export interface ConsumerMemory {
  /** Reserves memory for entries that are about to be read. Without room, the consumer resumes when there is some. */
  reserve(bytes: number): boolean;
  /** Ends a reservation: the entries have been read, and their memory is counted by their receiver. */
  unreserve(bytes: number): void;
}

/** Options of a consumer. If a function of its client throws an exception, the consumer closes, and `onError` is called. */
export interface ConsumerOptions {
  readonly name: string;
  readonly group: string;
  /** In order of priority. */
  readonly streams: readonly ConsumerStream[];
  /** Start of the group if it does not exist: an id, or `$`. */
  readonly from: EntryId | "$";
  /** Maximum number of entries that are held; 0 requires `grant`. */
  readonly permits: number;
  readonly ackWaitMs: number;
  readonly maxDeliver: number;
  readonly deletesAcked: boolean;
  readonly memory: ConsumerMemory;
  /** Whether the client can be sent more; call `resume` when it can again. */
  readonly canSend: () => boolean;
  readonly onEntries: (key: string, entries: readonly Delivered[]) => void;
  /** Entries were trimmed before they were done. */
  readonly onLost: (key: string, ids: readonly EntryId[]) => void;
  /** The consumer cannot continue. */
  readonly onError: (error: GatewayError) => void;
}

/** An entry that a client names. */
export interface NamedEntry {
  readonly key: string;
  readonly id: EntryId;
}

/** Outcome of settling. */
export interface Outcome {
  /** Number of entries that were settled. */
  readonly settled: number;
  readonly late: readonly NamedEntry[];
}

/** Receives the outcome of settling, or the error because of which it is unknown. */
export type OnOutcome = (result: Outcome | GatewayError) => void;
