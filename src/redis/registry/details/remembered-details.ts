/**
 * Details of streams whose first and last entry are large. Redis copies both of them for `XINFO STREAM`, even where only
 * the facts are requested: two entries of 60 MB block it for 45 ms. A stream that is remembered here is checked instead:
 * the check compares its length and its edges without copying them. Payloads that are requested are read by `XRANGE`, because
 * Lua would copy them twice more.
 *
 * The check does not detect an entry that was added and deleted since, which changes only `entriesAdded`, `lastGeneratedId`
 * and `maxDeletedEntryId`, nor a stream created again with the same length and with ids in the same range, as by RESTORE.
 * Therefore details are remembered for a limited time.
 */

import { BoundedMap } from "../../../domain/bounded-map.ts";
import { LAST_ID } from "../../../domain/streams/entry-id.ts";
import type { Reply } from "../../resp/reader.ts";
import type { Argument } from "../../resp/writer.ts";
import { type EdgeEntry, edgeOf, type StreamDetails } from "./stream-info.ts";

/** Bytes of both edges from which details are remembered. Those of smaller ones cost Redis at most 0.6 ms. */
export const REMEMBERED_BYTES = 256 * 1024;
/** Time (ms) for which details are remembered. */
const REMEMBERED_MS = 60_000;
/** Streams remembered, about 1 KB each; above this, the oldest one is dropped. */
const MAX_STREAMS = 4000;

/** KEYS: a stream. ARGV: remembered length, first id, last id. Returns the number of groups; false if the stream has changed. */
const CHECK = `if redis.call('XLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return false end
if redis.call('XRANGE', KEYS[1], '-', '(' .. ARGV[2], 'COUNT', 1)[1] then return false end
if ARGV[3] ~= '${LAST_ID}' and redis.call('XRANGE', KEYS[1], '(' .. ARGV[3], '+', 'COUNT', 1)[1] then return false end
return #redis.call('XINFO', 'GROUPS', KEYS[1])`;

/** Details of a stream with entries, as they were when they were read. */
interface Remembered {
  readonly details: StreamDetails & { readonly first: EdgeEntry; readonly last: EdgeEntry };
  readonly readAt: number;
}

/** Check of a remembered stream. */
export interface DetailsCheck {
  /** Bytes of the payloads that it returns. */
  readonly payloadBytes: number;
  /** Sent at once. An entry of an id never changes, so they need no transaction. */
  readonly commands: readonly (readonly Argument[])[];
  /** The details that it checks. */
  readonly checked: StreamDetails;
  /** Returns the details from the replies; undefined if the stream has changed. */
  detailsOf(replies: readonly Reply[]): StreamDetails | undefined;
}

/** Cache of details, without payloads. */
export class RememberedDetails {
  readonly #streams = new BoundedMap<Remembered>(MAX_STREAMS);
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Caches details that were read, if their edges are large. */
  learn(key: string, details: StreamDetails): void {
    this.#streams.delete(key);
    const { first, last } = details;
    if (first === undefined || last === undefined || first.bytes + last.bytes < REMEMBERED_BYTES) return;
    const edges = { first: { id: first.id, bytes: first.bytes }, last: { id: last.id, bytes: last.bytes } };
    this.#streams.set(key, { details: { ...details, ...edges }, readAt: this.#now() });
  }

  /** Whether the details of a stream are remembered. */
  has(key: string): boolean {
    return this.#streams.get(key) !== undefined;
  }

  /** Call when a stream has changed. @param check the check that showed it; newer details than it checked are kept */
  forget(key: string, check?: DetailsCheck): void {
    if (check === undefined || this.#streams.get(key)?.details === check.checked) this.#streams.delete(key);
  }

  /**
   * Returns the check of a stream; undefined if its details are not remembered.
   *
   * @param maxBytes maximum size of an entry that the check returns; if absent, it returns both
   */
  checkOf(key: string, maxBytes?: number): DetailsCheck | undefined {
    const known = this.#streams.get(key);
    if (known === undefined) return undefined;
    if (this.#now() - known.readAt > REMEMBERED_MS) {
      this.#streams.delete(key);
      return undefined;
    }
    return checkOf(key, known.details, maxBytes);
  }
}

function checkOf(key: string, details: Remembered["details"], maxBytes = Number.MAX_VALUE): DetailsCheck {
  const { length, first, last } = details;
  const wanted = [first, last].filter(({ bytes }) => bytes <= maxBytes);
  const ids = [...new Set(wanted.map(({ id }) => id))];
  return {
    checked: details,
    payloadBytes: wanted.reduce((sum, { bytes }) => sum + bytes, 0),
    commands: [
      ["EVAL", CHECK, 1, key, length, first.id, last.id],
      ...ids.map((id): readonly Argument[] => ["XRANGE", key, id, id]),
    ],
    detailsOf([groups, ...entries]) {
      if (typeof groups !== "number") return undefined;
      const read = new Map<string, EdgeEntry>();
      for (const reply of entries) {
        const [entry] = Array.isArray(reply) ? reply : [];
        const edge = edgeOf(entry ?? null);
        // The entry was deleted after the check.
        if (edge === undefined) return undefined;
        read.set(edge.id, edge);
      }
      return { ...details, groups, first: read.get(first.id) ?? first, last: read.get(last.id) ?? last };
    },
  };
}
