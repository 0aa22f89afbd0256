/**
 * Registry: streams, devices and their metadata, under the keys that clients of the original service use
 * (docs/protocol.md, "Names and keys"). All lookups of one event-loop turn are one round trip, since the connection sends
 * them in one write; therefore methods take lists.
 */
import { GatewayError } from "../../domain/errors.ts";
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { dedupeRecordKey } from "../append/dedupe-record.ts";
import { InFlightGate } from "../in-flight-gate.ts";
import { STREAM_META_PREFIX, streamMetaKey } from "../keys.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Database } from "../resp/commands.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import { createDeviceRecords, type DeviceRecords } from "./devices.ts";
import { createKeyScan } from "./scan.ts";
import { mergeSorted } from "./sorted-names.ts";
import { type DetailDepth, detailsCommand, detailsOf, type StreamDetails } from "./stream-info.ts";

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

/** Result of deleting a stream. */
export interface StreamDeletion {
  /** The stream had entries, which are deleted. */
  readonly data: boolean;
  readonly meta: boolean;
  readonly stream: boolean;
}

/** Facts that the server reports about itself. */
export interface RedisFacts {
  readonly version: string;
  /** `standalone`, `sentinel` or `cluster`. */
  readonly mode: string;
  readonly uptimeSeconds: number;
}

/** Registry. All methods throw `GatewayError` if Redis is unavailable. */
export interface Registry {
  readonly devices: DeviceRecords;
  /** Returns the keys of all streams that have a key, sorted. */
  streamKeys(): Promise<readonly string[]>;
  /** Returns the keys of all streams that have entries or metadata, sorted. */
  knownStreamKeys(): Promise<readonly string[]>;
  /** Whether each key is a stream or has stream metadata. One round trip for all. */
  areKnown(keys: readonly string[]): Promise<readonly boolean[]>;
  /** Returns facts about streams in the order of the keys, with one round trip per thousand. */
  streams(keys: readonly string[], wanted: WantedRecord): Promise<readonly StreamRecord[]>;
  /** Stores a stream's metadata, JSON. */
  setStreamMeta(key: string, meta: string): Promise<boolean>;
  /**
   * Changes a stream's metadata safely under concurrent changes.
   *
   * @param change computes the new JSON from the old, or returns undefined to keep the old; called again if the old one
   *   changed in the meantime
   * @returns whether metadata was stored
   */
  changeStreamMeta(key: string, change: (old: Buffer | undefined) => string | undefined): Promise<boolean>;
  /** Deletes a stream with its metadata. @throws GatewayError WRONG_TYPE where the key is not a stream; nothing is deleted then */
  deleteStream(key: string): Promise<StreamDeletion>;
  /** Deletes everything in the database. */
  flush(): Promise<void>;
  server(): Promise<RedisFacts>;
}

/** Options of `createRegistry`. */
export interface RegistryParts {
  readonly database: Database;
  /** Maximum length of listed stream keys, in bytes. */
  readonly mostKeyBytes: number;
  /** `REDIS_STREAM_MAXLEN`; 0 keeps everything. */
  readonly streamMaxLength: number;
  readonly workSlices: WorkSlices;
  /** Called when a stream was deleted. */
  readonly onDeleted?: (key: string) => void;
}

/** Streams read in one round trip: their commands and replies take the gateway and Redis some ms. */
const KEYS_AT_A_TIME = 1000;

/** Streams whose details are on their way: a lookup of few streams waits for these at most. */
const KEYS_AT_ONCE = { small: 16, most: 2 * KEYS_AT_A_TIME };

const COMPARE_AND_SET = `local old = redis.call('GET', KEYS[1])
if (old or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1`;
/** KEYS: a stream, its dedupe record. Deletes both. Returns 2 if there were entries, 1 for an empty stream, 0 for none. */
const DELETE_STREAM = `local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 0 end
if kind ~= 'stream' then return redis.error_reply('WRONGTYPE the key holds a ' .. kind) end
local length = redis.call('XLEN', KEYS[1])
redis.call('UNLINK', KEYS[1], KEYS[2])
return length > 0 and 2 or 1`;
const MOST_TRIES = 100;

/** Creates the registry. */
export function createRegistry({
  database,
  mostKeyBytes,
  streamMaxLength,
  onDeleted,
  workSlices,
}: RegistryParts): Registry {
  const scan = createKeyScan(database, mostKeyBytes, workSlices);
  const gate = new InFlightGate(KEYS_AT_ONCE);

  const call = (...args: readonly Argument[]): Promise<Reply> => withGatewayErrors(database.call(...args));

  /**
   * Sends commands at once and collects their replies in order. It uses one promise for all, because thousands of promises
   * would dominate the cost. An error reply is returned as the reply of its command; any other error is thrown.
   */
  const collect = (commands: readonly (readonly Argument[])[]): Promise<readonly Reply[]> =>
    new Promise((resolve, reject) => {
      const replies: Reply[] = new Array(commands.length);
      let missing = commands.length;
      if (missing === 0) resolve(replies);
      for (let i = 0; i < commands.length; i++)
        database.send(commands[i] ?? [], (error, reply) => {
          if (error !== undefined && !(error instanceof ReplyError)) reject(error);
          replies[i] = error instanceof ReplyError ? error : reply;
          if (--missing === 0) resolve(replies);
        });
    });

  const metaOf = (reply: Reply) => (Buffer.isBuffer(reply) ? reply : undefined);

  const recordsOf = (keys: readonly string[], wanted: WantedRecord): Promise<readonly StreamRecord[]> =>
    gate.run(keys.length, () => requestRecords(keys, wanted));

  async function requestRecords(
    keys: readonly string[],
    { depth, payloadBytes, meta }: WantedRecord,
  ): Promise<readonly StreamRecord[]> {
    // Both are sent before the first reply, and therefore in one write.
    const [metas, details] = await Promise.all([
      collect(meta ? keys.map((key) => ["GET", streamMetaKey(key)]) : []),
      collect(depth ? keys.map((key) => detailsCommand(key, depth, payloadBytes)) : []),
    ]);
    return keys.map((_, i) => ({
      meta: metaOf(metas[i] ?? null),
      details: depth && detailsOf(details[i] ?? null),
    }));
  }

  return {
    devices: createDeviceRecords(database, streamMaxLength, workSlices),

    streamKeys: scan.streams,

    async knownStreamKeys() {
      const [keys, metas] = await Promise.all([scan.streams(), scan.metas()]);
      // All have the same prefix, so they stay sorted without it.
      const described = metas.map((key) => key.slice(STREAM_META_PREFIX.length));
      return workSlices.run(mergeSorted([keys, described]));
    },

    async areKnown(keys) {
      const [types, metas] = await Promise.all([
        collect(keys.map((key) => ["TYPE", key])),
        collect(keys.map((key) => ["EXISTS", streamMetaKey(key)])),
      ]);
      return keys.map((_, i) => String(types[i]) === "stream" || metas[i] === 1);
    },

    async streams(keys, wanted) {
      if (keys.length <= KEYS_AT_A_TIME) return recordsOf(keys, wanted);
      const slices = workSlices.begin();
      const records: StreamRecord[] = [];
      for (let from = 0; from < keys.length; from += KEYS_AT_A_TIME) {
        for (const one of await recordsOf(keys.slice(from, from + KEYS_AT_A_TIME), wanted)) records.push(one);
        if (slices.isOver()) await slices.next();
      }
      return records;
    },

    async setStreamMeta(key, meta) {
      return (await call("SET", streamMetaKey(key), meta)) === "OK";
    },

    async changeStreamMeta(key, change) {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const old = metaOf(await call("GET", streamMetaKey(key)));
        const json = change(old);
        if (json === undefined) return false;
        const changed = await call("EVAL", COMPARE_AND_SET, 1, streamMetaKey(key), old ?? "", json);
        if (changed === 1) return true;
      }
      throw new GatewayError("REDIS_REFUSED", "the metadata is being changed concurrently; try again");
    },

    async deleteStream(key) {
      const deleted = await call("EVAL", DELETE_STREAM, 2, key, dedupeRecordKey(key));
      if (deleted !== 0) onDeleted?.(key);
      // In a cluster the metadata is in another slot. UNLINK frees a key of any size in the background.
      const meta = await call("UNLINK", streamMetaKey(key));
      return { data: deleted === 2, meta: meta === 1, stream: deleted !== 0 };
    },

    async flush() {
      await withGatewayErrors(database.onEach((server) => server.call("FLUSHDB", "ASYNC")));
    },

    async server() {
      const info = String(await call("INFO", "server"));
      const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
      return {
        version: field("valkey_version") || field("redis_version"),
        mode: field("redis_mode") || field("server_mode"),
        uptimeSeconds: Number(field("uptime_in_seconds")),
      };
    },
  };
}
