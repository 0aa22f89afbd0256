/**
 * What a run leaves behind: what pushers and readers were told, and what the store kept. Plain data, so that a run can be
 * written to a file, and judged, and judged again.
 */

import type { GapReader } from "./remade.ts";
import type { TwinPost } from "./twins.ts";

/** An entry, named by the unique key that its payload begins with. */
export interface NamedEntry {
  /** Undefined where a reader's form shows no ids. */
  readonly id: string | undefined;
  readonly key: string;
}

/** An entry that was sent to be stored. */
export interface Push {
  readonly stream: string;
  readonly key: string;
  /** The connection it was sent over, and its place there: `order` ascends within one connection. */
  readonly connection: string;
  readonly order: number;
  /** It was sent again over a later connection, while the earlier one may still have been at work. */
  resent: boolean;
  /** Its id, the code it was refused with, or nothing where the connection ended before the ack. */
  outcome: { readonly id: string } | { readonly code: string } | undefined;
}

/** One connection of a reader. */
export interface Session {
  /** Where it asked to begin: an id, `0` or `$`. */
  readonly cursor: string;
  /** The last id of the stream that was acknowledged to anybody when it began; what it gets from `$` is past it. */
  readonly floor: string;
  readonly entries: NamedEntry[];
}

/** A reader, over all its connections. */
export interface ReaderHistory {
  readonly name: string;
  readonly stream: string;
  /** It wants the newest only, and may skip. */
  readonly latest: boolean;
  readonly sessions: Session[];
}

/** One stream as the store has it. */
export interface StoredStream {
  readonly stream: string;
  /** Every entry that the store ever committed to its append-only file, in order, trimmed ones too. */
  readonly committed: readonly NamedEntry[];
  /** The ids that are there at the end. */
  readonly left: readonly string[];
}

/** A whole run. */
export interface History {
  readonly pushes: readonly Push[];
  readonly readers: readonly ReaderHistory[];
  readonly streams: readonly StoredStream[];
  /** Processes that ended without having been told to. */
  readonly deaths: readonly string[];
  /** How often a replica took over from a master that may not have passed on what it had last. */
  readonly takeovers?: number;
  /** What went on besides, on one Redis: a stream that is created again, and posts that are sent again. */
  readonly besides?: {
    readonly remade: readonly NamedEntry[];
    readonly gapReaders: readonly GapReader[];
    readonly twins: readonly (readonly [streamKey: string, entries: readonly NamedEntry[]])[];
    readonly twinPosts: readonly TwinPost[];
  };
}

/** Payloads: the key, a bar, the payload's length, a bar, and filling up to that length. */
export const payloadOf = (key: string, bytes: number): string => `${key}|${bytes}|`.padEnd(bytes, "x");

/** The key of a payload; what is no whole payload has a key that nobody ever sent. */
export function keyOf(payload: string): string {
  const [key = "", bytes = ""] = payload.split("|", 2);
  return payload === payloadOf(key, Number(bytes)) ? key : `damaged: ${payload.slice(0, 60)}`;
}
