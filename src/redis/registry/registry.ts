/**
 * Registry: streams, devices and their metadata, under the keys that clients of the original service use
 * (docs/protocol.md, "Names and keys"). All lookups of one event-loop turn are one round trip, since the connection sends
 * them in one write; therefore methods take lists.
 */
import type { WorkSlices } from "../../domain/scheduling/work-slice.ts";
import { dedupeRecordKey } from "../append/dedupe-record.ts";
import { STREAM_META_PREFIX, streamMetaKey } from "../keys.ts";
import { withGatewayErrors } from "../reply-errors.ts";
import type { Commands, Database } from "../resp/commands.ts";
import type { Reply } from "../resp/reader.ts";
import type { Argument } from "../resp/writer.ts";
import type { DetailsReader } from "./details/details-reader.ts";
import { createLastIds, type LastIds } from "./details/last-ids.ts";
import { type StreamRecord, StreamRecords, type WantedRecord } from "./details/stream-records.ts";
import { createDeviceRecords, type DeviceRecords } from "./devices.ts";
import { createKeyScan } from "./scan.ts";
import { createMerger } from "./sorted-names.ts";
import { type LargeRead, type LargeValues, onlyValue, type StoredValue } from "./stored-values.ts";
import { createStreamMetadata, type StreamMetadata } from "./stream-metadata.ts";

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
export interface Registry extends StreamMetadata, LastIds {
  readonly devices: DeviceRecords;
  /** Returns the keys of all streams that have a key, sorted. */
  streamKeys(): Promise<readonly string[]>;
  /** Returns the keys of all streams that have entries or metadata, sorted. */
  knownStreamKeys(): Promise<readonly string[]>;
  /** Whether each key is a stream or has stream metadata. One round trip for all. */
  areKnown(keys: readonly string[]): Promise<readonly boolean[]>;
  /** Returns facts about streams in the order of the keys, with one round trip per thousand streams, or fewer if entries are large. */
  streams(keys: readonly string[], wanted: WantedRecord): Promise<readonly StreamRecord[]>;
  /** Reads the metadata of one stream, as `metas`. */
  meta(key: string, options: Pick<LargeRead, "client" | "admit">): Promise<StoredValue>;
  /** Reads the metadata of streams: small ones first, at most 1 KB each, then large ones as `largeMetas`. */
  metas(keys: readonly string[], options: LargeRead): Promise<void>;
  /** Reads metadata that `streams` has found to be `large`: the smallest first, few at a time. */
  largeMetas(keys: readonly string[], options: LargeRead): Promise<void>;
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
  readonly maxKeyBytes: number;
  /** Reads with large replies. */
  readonly largeReads: Commands;
  readonly largeValues: LargeValues;
  /** `REDIS_STREAM_MAXLEN`; 0 keeps everything. */
  readonly streamMaxLength: number;
  readonly details: DetailsReader;
  readonly workSlices: WorkSlices;
  /** Called when a stream was deleted. */
  readonly onDeleted?: (key: string) => void;
}

/** KEYS: a stream, its dedupe record. Deletes both. Returns 2 if there were entries, 1 for an empty stream, 0 for none. */
const DELETE_STREAM = `local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 0 end
if kind ~= 'stream' then return redis.error_reply('WRONGTYPE the key holds a ' .. kind) end
local length = redis.call('XLEN', KEYS[1])
redis.call('UNLINK', KEYS[1], KEYS[2])
return length > 0 and 2 or 1`;

const streamKeyOf = (metaKey: string): string => metaKey.slice(STREAM_META_PREFIX.length);

/** Creates the registry. */
export function createRegistry({
  database,
  largeReads,
  largeValues,
  maxKeyBytes,
  streamMaxLength,
  details,
  onDeleted,
  workSlices,
}: RegistryParts): Registry {
  const scan = createKeyScan(database, maxKeyBytes, workSlices);
  const merge = createMerger();
  const records = new StreamRecords({ database, largeReads, details, workSlices });
  const metadata = createStreamMetadata(database, largeValues.maxBytes);

  const call = (...args: readonly Argument[]): Promise<Reply> => withGatewayErrors(database.call(...args));

  const largeMetas = (keys: readonly string[], { admit, onValue, ...options }: LargeRead): Promise<void> =>
    withGatewayErrors(
      largeValues.read(keys.map(streamMetaKey), {
        ...options,
        admit: (bytes, key) => admit(bytes, streamKeyOf(key)),
        onValue: (key, value) => onValue(streamKeyOf(key), value),
      }),
    );

  async function metas(keys: readonly string[], options: LargeRead): Promise<void> {
    const { client, isWanted, onValue } = options;
    const found = await records.read(keys, { meta: true, client, ...(isWanted && { isWanted }) });
    const slices = workSlices.begin();
    const large: string[] = [];
    for (const [i, key] of keys.entries()) {
      const meta = found[i]?.meta;
      if (meta === "large") large.push(key);
      else {
        if (slices.isOver()) await slices.next();
        onValue(key, meta);
      }
    }
    if (large.length > 0) await largeMetas(large, options);
  }

  return {
    devices: createDeviceRecords({ database, streamMaxLength, largeValues, workSlices }),

    streamKeys: scan.streams,

    async knownStreamKeys() {
      const lists = await Promise.all([scan.streams(), scan.withMeta()]);
      return workSlices.run(merge(lists));
    },

    areKnown: (keys) => records.areKnown(keys),

    streams: (keys, wanted) => records.read(keys, wanted),

    meta: (key, options) => onlyValue((onValue) => metas([key], { ...options, onValue })),

    metas,

    largeMetas,

    ...metadata,
    ...createLastIds(database, details, records),

    async deleteStream(key) {
      const deleted = await call("EVAL", DELETE_STREAM, 2, key, dedupeRecordKey(key));
      details.deleted(key);
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
