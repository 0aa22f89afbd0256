/** Facts about many streams, read with one round trip per thousand; per fewer if their entries are large. */
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { bytesOf } from "../../domain/streams/entry.ts";
import { InFlightGate } from "../in-flight-gate.ts";
import { streamMetaKey } from "../keys.ts";
import type { Database } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import type { EdgeSizes } from "./edge-sizes.ts";
import {
  type DetailDepth,
  detailsCommand,
  detailsOf,
  type EdgeEntry,
  type StreamDetails,
} from "./stream-info.ts";
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
  /** Client that reads them: clients with large lookups take turns. */
  readonly client: string;
}

/** Cost of a stream besides its edge entries: it takes Redis about as long as copying this many bytes. */
const KEY_COST = 8 * 1024;

/** Cost of the streams read in one round trip: their commands and replies take the gateway and Redis some ms. */
const COST_AT_A_TIME = 1000 * KEY_COST;

/** Cost of the lookups on their way: one of few streams waits for these at most. */
const COST_AT_ONCE = { small: 16 * KEY_COST, most: 2 * COST_AT_A_TIME };

/** Reads facts about streams. All methods throw `GatewayError` if Redis is unavailable. */
export class StreamRecords {
  readonly #database: Database;
  readonly #workSlices: WorkSlices;
  readonly #gate = new InFlightGate(COST_AT_ONCE);
  readonly #edgeSizes: EdgeSizes;

  constructor(database: Database, edgeSizes: EdgeSizes, workSlices: WorkSlices) {
    this.#database = database;
    this.#edgeSizes = edgeSizes;
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
  #readPart(keys: readonly string[], from: number, wanted: WantedRecord): Promise<readonly StreamRecord[]> {
    let end = from;
    return this.#gate.run({
      client: wanted.client,
      // What is read depends on the costs at the time it starts: lookups of others may have learned some.
      size: () => {
        let cost = 0;
        for (end = from; end < keys.length; end++) {
          const more = this.#costOf(keys[end] ?? "", wanted);
          if (end > from && cost + more > COST_AT_A_TIME) break;
          cost += more;
        }
        return cost;
      },
      send: () => this.#request(keys.length === end - from ? keys : keys.slice(from, end), wanted),
    });
  }

  /** Expected cost of one stream: the script handles both edge entries, whether or not they are wanted. */
  #costOf(key: string, { depth }: WantedRecord): number {
    return depth === "facts" || depth === "payloads" ? KEY_COST + this.#edgeSizes.expected(key) : KEY_COST;
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
    return keys.map((key, i) => ({
      meta: metaOf(metas[i] ?? null),
      details: depth && this.#detailsOf(key, depth, details[i] ?? null),
    }));
  }

  /** Parses details, and learns the sizes of the edge entries. */
  #detailsOf(key: string, depth: DetailDepth, reply: Reply): StreamDetails {
    const details = detailsOf(reply);
    if (depth !== "length")
      this.#edgeSizes.learn(key, bytesOfEdge(details.first) + bytesOfEdge(details.last));
    return details;
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

function bytesOfEdge(edge: EdgeEntry | undefined): number {
  return edge?.leftOut ?? (edge?.entry === undefined ? 0 : bytesOf([edge.entry]));
}
