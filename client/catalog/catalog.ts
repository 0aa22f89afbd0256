/** Lists and changes devices, streams and metadata over GraphQL (docs/graphql.md). */
import type { Declaration } from "../../src/domain/content/declaration.ts";
import type { CommonOptions, Gateway } from "../gateway/gateway.ts";
import { execute, isObject, type JsonObject, objectsOf } from "../gateway/graphql.ts";
import { checkOptions } from "../gateway/options.ts";

/** Device that is or was connected. */
export interface DeviceInfo {
  readonly id: string;
  readonly connected: boolean;
  /** Metadata, any JSON. */
  readonly meta: unknown;
}

/** A stream with its length, its first and last entry, and its metadata. */
export interface StreamInfo {
  /** Redis key, including the device. */
  readonly key: string;
  /**
   * The device; `""` if the key has none, undefined if the gateway runs without device prefixes. Pass it with `stream`
   * to `pull` and the other methods.
   */
  readonly device: string | undefined;
  /** Name without the device. */
  readonly stream: string;
  /** Current number of entries. */
  readonly length: number;
  /** Number of entries ever added; 0 on Redis before 7, which does not count them. */
  readonly added: number;
  /** Id of the first entry; empty if there is none. */
  readonly firstId: string;
  /** Id of the last entry; empty if there is none. */
  readonly lastId: string;
  /** Size of the last entry in bytes, including field names; 0 if there is none. */
  readonly lastBytes: number;
  /** Metadata, any JSON. */
  readonly meta: unknown;
}

/** Versions and uptime of the gateway and Redis. */
export interface ServerInfo {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly redisVersion: string;
  readonly redisMode: string;
}

/** Device, prefix and abort signal of an operation on one stream. */
export type NameOptions = Pick<CommonOptions, "device" | "prefix" | "signal">;

/** Options of the lists. */
export interface ListOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Options of the list of streams. */
export interface StreamsOptions extends ListOptions {
  /** Redis glob pattern for keys. Keys start with their device. @default all streams */
  readonly match?: string | undefined;
}

/** Options of `setMeta`. */
export interface SetMetaOptions extends NameOptions {
  /** Whether to merge into the stored object instead of replacing it. @default false */
  readonly merge?: boolean | undefined;
}

const STREAM_FIELDS = "id length entriesAdded firstEntryId lastEntryId lastEntryBytes meta";

/** Devices, streams and metadata of a gateway. All methods throw StreamerError, or the signal's reason. */
export interface Catalog {
  /** Lists the devices that are connected or were connected before. Empty if the gateway runs without device prefixes. */
  devices(options?: ListOptions): Promise<readonly DeviceInfo[]>;
  /** Lists the streams that have entries or metadata, except the gateway's own, whose keys start with a colon. */
  streams(options?: StreamsOptions): Promise<readonly StreamInfo[]>;
  /** Returns a stream's metadata, any JSON; `{}` if there is none. */
  meta(stream: string, options?: NameOptions): Promise<unknown>;
  /** Sets a stream's metadata. */
  setMeta(stream: string, meta: unknown, options?: SetMetaOptions): Promise<void>;
  /** Declares the content of a stream: merges these members into its metadata. */
  declare(stream: string, declaration: Declaration, options?: NameOptions): Promise<void>;
  /** Deletes a stream and its metadata. @returns whether it existed */
  deleteStream(stream: string, options?: NameOptions): Promise<boolean>;
  /** Returns versions and uptime. */
  server(options?: ListOptions): Promise<ServerInfo>;
}

/** Operations on one stream, with and without device prefixes. */
interface StreamOperations {
  /** Whether the schema has devices. With `DISABLE_MULTI_DEVICE_PREFIXING` it has none. The result is cached: it is a setting. */
  hasDevices(signal: AbortSignal | undefined): Promise<boolean>;
  /** Executes an operation on one stream. Without device prefixes it passes no device variable. */
  execute(
    stream: string,
    options: NameOptions,
    operation: (withDevice: boolean) => string,
    variables?: JsonObject,
  ): Promise<JsonObject>;
}

function createStreamOperations(gateway: Gateway): StreamOperations {
  let usesDevices: boolean | undefined;

  async function hasDevices(signal: AbortSignal | undefined): Promise<boolean> {
    const { type } =
      usesDevices === undefined
        ? await execute(gateway, '{ type: __type(name: "Device") { name } }', {}, signal)
        : {};
    usesDevices ??= isObject(type);
    return usesDevices;
  }

  return {
    hasDevices,
    async execute(stream, options, operation, variables = {}) {
      checkOptions(options, { device: true, prefix: true, signal: true });
      const { device, prefix, signal } = options;
      const withDevice = await hasDevices(signal);
      const names = {
        stream: `${prefix ?? ""}${stream}`,
        ...(withDevice && { device: device ?? "default" }),
      };
      return execute(gateway, operation(withDevice), { ...variables, ...names }, signal, true);
    },
  };
}

/** Creates the catalog of a gateway. */
export function createCatalog(gateway: Gateway): Catalog {
  const operations = createStreamOperations(gateway);

  async function setMeta(
    stream: string,
    meta: unknown,
    { merge = false, ...options }: SetMetaOptions = {},
  ): Promise<void> {
    await operations.execute(
      stream,
      options,
      (withDevice) =>
        `mutation($stream: String!, $meta: JSON!, $merge: Boolean${withDevice ? ", $device: String" : ""}) {
          updateStreamMeta(streamId: $stream, meta: $meta, update: $merge${withDevice ? ", deviceId: $device" : ""})
        }`,
      { meta, merge },
    );
  }

  return {
    async devices({ signal } = {}) {
      if (!(await operations.hasDevices(signal))) return [];
      const query = "{ all: devices(includeAll: true) { id meta } now: devices { id } }";
      const { all, now } = await execute(gateway, query, {}, signal);
      const connected = new Set(objectsOf(now).map(({ id }) => id));
      return objectsOf(all).map(({ id, meta }) => ({ id: String(id), connected: connected.has(id), meta }));
    },

    async streams(options = {}) {
      checkOptions(options, { match: true, signal: true });
      const { match, signal } = options;
      const withDevice = await operations.hasDevices(signal);
      const query = `query($match: String) { streams(match: $match) { ${STREAM_FIELDS} } }`;
      const { streams } = await execute(gateway, query, { match }, signal);
      const found = objectsOf(streams).map((one) => streamInfo(one, withDevice));
      return withDevice ? found.filter(({ key }) => !key.startsWith(":")) : found;
    },

    async meta(stream, options = {}) {
      const data = await operations.execute(stream, options, (withDevice) =>
        withDevice
          ? "query($stream: String!, $device: String!) { device(id: $device) { stream(streamId: $stream) { meta } } }"
          : "query($stream: String!) { stream(id: $stream) { meta } }",
      );
      const { stream: found } = isObject(data.device) ? data.device : data;
      return isObject(found) ? found.meta : {};
    },

    setMeta,

    declare: (stream, declaration, options) => setMeta(stream, declaration, { ...options, merge: true }),

    async deleteStream(stream, options = {}) {
      const { deleteStream: result } = await operations.execute(stream, options, (withDevice) =>
        withDevice
          ? "mutation($stream: String!, $device: String) { deleteStream(streamId: $stream, deviceId: $device) }"
          : "mutation($stream: String!) { deleteStream(streamId: $stream) }",
      );
      return isObject(result) && (result.data_deleted === true || result.meta_deleted === true);
    },

    async server({ signal } = {}) {
      const query = "{ server { version uptime redisVersion redisMode } }";
      const { server } = await execute(gateway, query, {}, signal);
      const { version, uptime, redisVersion, redisMode } = isObject(server) ? server : {};
      return {
        version: String(version),
        uptimeSeconds: Number(uptime),
        redisVersion: String(redisVersion),
        redisMode: String(redisMode),
      };
    },
  };
}

function streamInfo(found: JsonObject, withDevice: boolean): StreamInfo {
  const key = String(found.id);
  // A key written by a program without devices has no device prefix.
  const colon = withDevice ? key.indexOf(":") : -1;
  return {
    key,
    device: colon > 0 ? key.slice(0, colon) : withDevice ? "" : undefined,
    stream: colon > 0 ? key.slice(colon + 1) : key,
    length: Number(found.length),
    added: Number(found.entriesAdded),
    firstId: String(found.firstEntryId),
    lastId: String(found.lastEntryId),
    lastBytes: Number(found.lastEntryBytes),
    meta: found.meta,
  };
}
