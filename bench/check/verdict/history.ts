/**
 * Record of a run: the entries that pushers and readers received, and those that the store kept. It is plain data, so a run
 * can be written to a file and judged again.
 */

/** An entry, identified by the unique key at the start of its payload. */
export interface NamedEntry {
  /** Undefined if the reader's format has no ids. */
  readonly id: string | undefined;
  readonly key: string;
}

/** An item that a reader received: an entry, or a gap before the next entry. */
export type GapEvent = { readonly id: string } | { readonly after: string; readonly before: string };

/** Gateway and times of a reader's connection, to explain a problem. Times are in ms since the start of the run. */
export interface Connected {
  /** Port of the gateway. */
  readonly port: number;
  readonly openedMs: number;
  /** Time of its last entry. */
  lastMs?: number;
}

/** One connection of a reader with gaps. */
export interface GapSession {
  readonly cursor: string;
  readonly connected?: Connected;
  readonly events: GapEvent[];
}

/** A reader with gaps, with all its connections. */
export interface GapReader {
  readonly name: string;
  readonly sessions: GapSession[];
}

/** Acknowledged post to one of two streams. */
export interface SimilarPost {
  readonly streamKey: string;
  /** Key of the payload. */
  readonly key: string;
  readonly id: string;
}

/** An entry that a pusher sent. */
export interface Push {
  readonly stream: string;
  readonly key: string;
  /** The connection that carried it, and its position there: `order` ascends within one connection. */
  readonly connection: string;
  readonly order: number;
  /** Whether it was sent again over a later connection, while the earlier request may still have been running. */
  resent: boolean;
  /** Its id, the error code of its rejection, or undefined if the connection ended before the acknowledgement. */
  outcome: { readonly id: string } | { readonly code: string } | undefined;
}

/** One connection of a reader. */
export interface Session {
  /** Requested cursor: an id, `0` or `$`. */
  readonly cursor: string;
  /** Last id of the stream that was acknowledged to any client when the connection started; entries from `$` follow it. */
  readonly floor: string;
  readonly entries: NamedEntry[];
  readonly connected?: Connected;
}

/** A reader, with all its connections. */
export interface ReaderHistory {
  readonly name: string;
  readonly stream: string;
  /** Whether it reads with `latest`, which may skip entries. */
  readonly latest: boolean;
  readonly sessions: Session[];
}

/** A reader that plays history back. */
export interface PlaybackHistory {
  readonly name: string;
  /** Stretches of one connection in which the ids of all streams ascend: between two seeks, steps or changes to live. */
  readonly stretches: readonly (readonly { readonly stream: string; readonly id: string }[])[];
}

/** An entry of a stream. */
export interface StreamEntryName {
  readonly stream: string;
  readonly id: string;
}

/** Entries that a worker of a consumer group received, and how it settled them. */
export interface WorkerHistory {
  readonly name: string;
  readonly received: (NamedEntry & { readonly stream: string })[];
  /** Entries that it acknowledged, whether that was confirmed or not. */
  readonly sent: StreamEntryName[];
  readonly confirmed: StreamEntryName[];
  /** Entries that it moved to the dead letters. */
  readonly deadLettered: StreamEntryName[];
  /** Entries that were reported as lost. */
  readonly lost: StreamEntryName[];
}

/** Record of a consumer group. */
export interface WorkHistory {
  readonly workers: readonly WorkerHistory[];
  /** Entries that the store recorded as acknowledged; undefined in a cluster, which has no single record. */
  readonly acknowledged?: readonly StreamEntryName[];
}

/** Final state of a stream in the store. */
export interface StoredStream {
  readonly stream: string;
  /** Every entry that the store committed to its append-only file, in order, including trimmed ones. */
  readonly committed: readonly NamedEntry[];
  /** Ids that are stored at the end. */
  readonly left: readonly string[];
}

/** Record of a whole run. */
export interface History {
  readonly pushes: readonly Push[];
  readonly readers: readonly ReaderHistory[];
  readonly streams: readonly StoredStream[];
  readonly playbacks?: readonly PlaybackHistory[];
  /** Workers of a consumer group. */
  readonly work?: WorkHistory;
  /** Readers whose gaps are compared with the entries of a stream. */
  readonly gapReaders?: readonly (GapReader & { readonly stream: string })[];
  /** Processes that ended unexpectedly. */
  readonly deaths: readonly string[];
  /** Number of failovers from a master that may not have replicated its last writes. */
  readonly takeovers?: number;
  /** Additional load on a single Redis: a stream that is recreated, and posts that are repeated. */
  readonly besides?: {
    readonly recreated: readonly NamedEntry[];
    readonly gapReaders: readonly GapReader[];
    readonly similar: readonly (readonly [streamKey: string, entries: readonly NamedEntry[]])[];
    readonly similarPosts: readonly SimilarPost[];
  };
}

/** Creates a payload: the key, a bar, the payload's length, a bar, and padding up to that length. */
export const payloadOf = (key: string, bytes: number): string => `${key}|${bytes}|`.padEnd(bytes, "x");

/** Returns the key of a payload. A truncated payload has a key that no pusher sent. */
export function keyOf(payload: string): string {
  const [key = "", bytes = ""] = payload.split("|", 2);
  return payload === payloadOf(key, Number(bytes)) ? key : `damaged: ${payload.slice(0, 60)}`;
}
