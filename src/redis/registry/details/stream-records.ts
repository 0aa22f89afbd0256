/** Facts about many streams, read with one round trip per thousand streams, or fewer if their entries are large. */

import { InFlightGate } from "../../../domain/scheduling/in-flight-gate.ts";
import type { WorkSlices } from "../../../domain/scheduling/work-slice.ts";
import { streamMetaKey } from "../../keys.ts";
import type { Commands, Database } from "../../resp/commands.ts";
import { collectReplies } from "../collect-replies.ts";
import { type FirstRead, firstReads } from "../stored-values.ts";
import type { Checks, DetailsReader } from "./details-reader.ts";
import type { DetailsCheck } from "./remembered-details.ts";
import type { DetailDepth, StreamDetails } from "./stream-info.ts";

/** Requested facts about one stream. */
export interface StreamRecord {
  /** Undefined if no details were requested, or if the client no longer wanted them. */
  readonly details: StreamDetails | undefined;
  /** Stored JSON, or that it is `large` and must be read separately; undefined if there is none or it was not requested. */
  readonly meta: FirstRead;
}

/** Selects the facts to be read. */
export interface WantedRecord {
  /** If absent, no details are read. */
  readonly depth?: DetailDepth;
  /** Maximum size (bytes) of included payloads; if absent, all are included. */
  readonly payloadBytes?: number;
  readonly meta: boolean;
  /** Client that reads them: clients with large lookups take turns. */
  readonly client: string;
  /** Returns whether the client still needs the facts. Facts that it no longer needs are undefined, and are not read. */
  readonly isWanted?: () => boolean;
}

/** Cost of a stream besides its edge entries: it takes Redis about as long as copying this many bytes. */
const KEY_COST = 8 * 1024;

/** Cost of the streams read in one round trip: their commands and replies take the gateway and Redis some ms. */
const COST_AT_A_TIME = 1000 * KEY_COST;

/**
 * Cost of the lookups on their way: one of few streams waits for these at most. Larger ones have a connection of their own,
 * because replies to thousands of commands take many turns of the event loop.
 */
const COST_AT_ONCE = { small: 16 * KEY_COST, max: 2 * COST_AT_A_TIME };

const NOT_READ: StreamRecord = { details: undefined, meta: undefined };

/** Dependencies of `StreamRecords`. */
export interface StreamRecordsParts {
  readonly database: Database;
  /** Reads with large replies. */
  readonly largeReads: Commands;
  readonly details: DetailsReader;
  readonly workSlices: WorkSlices;
}

/** Keys that one round trip reads. */
interface Part {
  readonly keys: readonly string[];
  readonly cost: number;
  /** Checks of the streams whose details are remembered, by key. */
  readonly checks: Checks;
}

const NO_CHECKS: Checks = new Map();

/** Reads facts about streams. All methods throw `GatewayError` if Redis is unavailable. */
export class StreamRecords {
  readonly #database: Database;
  readonly #largeReads: Commands;
  readonly #workSlices: WorkSlices;
  readonly #gate = new InFlightGate(COST_AT_ONCE);
  readonly #details: DetailsReader;

  constructor({ database, largeReads, details, workSlices }: StreamRecordsParts) {
    this.#database = database;
    this.#largeReads = largeReads;
    this.#details = details;
    this.#workSlices = workSlices;
  }

  /** Whether each key is a stream or has stream metadata. One round trip for all. */
  async areKnown(keys: readonly string[]): Promise<readonly boolean[]> {
    const [types, metas] = await Promise.all([
      collectReplies(
        this.#database,
        keys.map((key) => ["TYPE", key]),
      ),
      collectReplies(
        this.#database,
        keys.map((key) => ["EXISTS", streamMetaKey(key)]),
      ),
    ]);
    return keys.map((_, i) => String(types[i]) === "stream" || metas[i] === 1);
  }

  /** Returns facts in the order of the keys. */
  async read(keys: readonly string[], wanted: WantedRecord): Promise<readonly StreamRecord[]> {
    const slices = this.#workSlices.begin();
    let records = await this.#readPart(keys, 0, wanted);
    // Most lookups are one part.
    if (records.length === keys.length) return records;
    const all = [...records];
    while (all.length < keys.length) {
      if (slices.isOver()) await slices.next();
      records = await this.#readPart(keys, all.length, wanted);
      for (const one of records) all.push(one);
    }
    return all;
  }

  /** Reads as many of the keys as one round trip may read, at least one. @param from position of the first one */
  async #readPart(
    keys: readonly string[],
    from: number,
    wanted: WantedRecord,
  ): Promise<readonly StreamRecord[]> {
    const { client, isWanted = () => true } = wanted;
    let part: Part = { keys: [], cost: 0, checks: NO_CHECKS };
    for (;;) {
      let others: Promise<unknown> | undefined;
      const records = await this.#gate.run({
        client,
        // Computed when the request starts, because other lookups may have cached details of these streams by then.
        size: () => {
          if (!isWanted()) return 0;
          part = this.#partOf(keys, from, wanted);
          return part.cost;
        },
        send: async () => {
          if (!isWanted()) return keys.slice(from).map(() => NOT_READ);
          others = this.#details.readsOf(part.keys, part.checks, wanted);
          return others === undefined ? this.#request(part, wanted) : [];
        },
      });
      // Both run outside of the gate, so that other requests can use it.
      if (others === undefined) return isWanted() ? this.#readChanged(part, records, wanted) : records;
      await others;
    }
  }

  /** Returns the keys from a position on that one round trip may read. */
  #partOf(keys: readonly string[], from: number, wanted: WantedRecord): Part {
    const checks = new Map<string, DetailsCheck>();
    let cost = 0;
    let end = from;
    for (; end < keys.length; end++) {
      const key = keys[end] ?? "";
      const check = this.#details.checkOf(key, wanted);
      const more = KEY_COST + (check?.payloadBytes ?? this.#details.costOf(key, wanted));
      if (end > from && cost + more > COST_AT_A_TIME) break;
      cost += more;
      if (check !== undefined) checks.set(key, check);
    }
    return { keys: end - from === keys.length ? keys : keys.slice(from, end), cost, checks };
  }

  async #request({ keys, cost, checks }: Part, wanted: WantedRecord): Promise<readonly StreamRecord[]> {
    const { depth, meta } = wanted;
    const reads = cost > COST_AT_ONCE.small ? this.#largeReads : this.#database;
    // Both are sent before the first reply, and therefore in one write.
    const [metas, details] = await Promise.all([
      meta ? firstReads(reads, keys.map(streamMetaKey)) : [],
      depth ? this.#details.read(reads, { keys, checks, depth, payloadBytes: wanted.payloadBytes }) : [],
    ]);
    return keys.map((_, i) => ({ meta: metas[i], details: details[i] }));
  }

  /** Reads the streams whose check showed a change, or whose payloads are to be read after a check. */
  async #readChanged(
    { keys }: Part,
    records: readonly StreamRecord[],
    wanted: WantedRecord,
  ): Promise<readonly StreamRecord[]> {
    if (wanted.depth === undefined) return records;
    const changed = keys.filter((_, i) => records[i]?.details === undefined);
    if (changed.length === 0) return records;
    const found = await this.read(changed, { ...wanted, meta: false });
    let next = 0;
    return records.map((record) =>
      record.details === undefined ? { meta: record.meta, details: found[next++]?.details } : record,
    );
  }
}
