/** Facts about many streams, read with one round trip per thousand. */
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { InFlightGate } from "../in-flight-gate.ts";
import { streamMetaKey } from "../keys.ts";
import type { Database } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import { type DetailDepth, detailsCommand, detailsOf, type StreamDetails } from "./stream-info.ts";
import { metaOf } from "./stream-metadata.ts";

/** Requested facts about one stream. */
export interface StreamRecord {
  /** Undefined if no details were requested. */
  readonly details: StreamDetails | undefined;
  /** Stored JSON; undefined if there is none or it was not requested. */
  readonly meta: Buffer | undefined;
}

/** Selects the facts to be read. */
export interface WantedRecord {
  /** If absent, no details are read. */
  readonly depth?: DetailDepth;
  /** Maximum size (bytes) of included payloads; if absent, all are included. */
  readonly payloadBytes?: number;
  readonly meta: boolean;
}

/** Streams read in one round trip: their commands and replies take the gateway and Redis some ms. */
const KEYS_AT_A_TIME = 1000;

/** Streams whose details are on their way: a lookup of few streams waits for these at most. */
const KEYS_AT_ONCE = { small: 16, most: 2 * KEYS_AT_A_TIME };

/** Reads facts about streams. All methods throw `GatewayError` if Redis is unavailable. */
export class StreamRecords {
  readonly #database: Database;
  readonly #workSlices: WorkSlices;
  readonly #gate = new InFlightGate(KEYS_AT_ONCE);

  constructor(database: Database, workSlices: WorkSlices) {
    this.#database = database;
    this.#workSlices = workSlices;
  }

  /** Whether each key is a stream or has stream metadata. One round trip for all. */
  async areKnown(keys: readonly string[]): Promise<readonly boolean[]> {
    const [types, metas] = await Promise.all([
      this.#collect(keys.map((key) => ["TYPE", key])),
      this.#collect(keys.map((key) => ["EXISTS", streamMetaKey(key)])),
    ]);
    return keys.map((_, i) => String(types[i]) === "stream" || metas[i] === 1);
  }

  /** Returns facts in the order of the keys. */
  async read(keys: readonly string[], wanted: WantedRecord): Promise<readonly StreamRecord[]> {
    if (keys.length <= KEYS_AT_A_TIME) return this.#recordsOf(keys, wanted);
    const slices = this.#workSlices.begin();
    const records: StreamRecord[] = [];
    for (let from = 0; from < keys.length; from += KEYS_AT_A_TIME) {
      const some = await this.#recordsOf(keys.slice(from, from + KEYS_AT_A_TIME), wanted);
      for (const one of some) records.push(one);
      if (slices.isOver()) await slices.next();
    }
    return records;
  }

  #recordsOf(keys: readonly string[], wanted: WantedRecord): Promise<readonly StreamRecord[]> {
    return this.#gate.run(keys.length, () => this.#request(keys, wanted));
  }

  async #request(
    keys: readonly string[],
    { depth, payloadBytes, meta }: WantedRecord,
  ): Promise<readonly StreamRecord[]> {
    // Both are sent before the first reply, and therefore in one write.
    const [metas, details] = await Promise.all([
      this.#collect(meta ? keys.map((key) => ["GET", streamMetaKey(key)]) : []),
      this.#collect(depth ? keys.map((key) => detailsCommand(key, depth, payloadBytes)) : []),
    ]);
    return keys.map((_, i) => ({
      meta: metaOf(metas[i] ?? null),
      details: depth && detailsOf(details[i] ?? null),
    }));
  }

  /**
   * Sends commands at once and collects their replies in order. It uses one promise for all, because thousands of promises
   * would dominate the cost. An error reply is returned as the reply of its command; any other error is thrown.
   */
  #collect(commands: readonly (readonly Argument[])[]): Promise<readonly Reply[]> {
    return new Promise((resolve, reject) => {
      const replies: Reply[] = new Array(commands.length);
      let missing = commands.length;
      if (missing === 0) resolve(replies);
      for (let i = 0; i < commands.length; i++)
        this.#database.send(commands[i] ?? [], (error, reply) => {
          if (error !== undefined && !(error instanceof ReplyError)) reject(error);
          replies[i] = error instanceof ReplyError ? error : reply;
          if (--missing === 0) resolve(replies);
        });
    });
  }
}
