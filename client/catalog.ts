/** What there is: devices, streams and their metadata, over GraphQL (docs/graphql.md). */
import type { CommonOptions, Gateway } from "./gateway.ts";
import { ask, isObject, type JsonObject, objectsOf } from "./graphql.ts";
import { checkOptions } from "./options.ts";

/** A device. */
export interface DeviceInfo {
  readonly id: string;
  readonly connected: boolean;
  /** Its metadata, any JSON. */
  readonly meta: unknown;
}

/** A stream, as Redis and its metadata describe it. */
export interface StreamInfo {
  /** Its key, with its device. */
  readonly key: string;
  /**
   * The device; `""` if the key has none, undefined if the gateway's keys carry no devices. With `stream` it names the
   * stream to `pull` and the rest.
   */
  readonly device: string | undefined;
  /** Its name without the device. */
  readonly stream: string;
  /** Entries in it now. */
  readonly length: number;
  /** Entries ever added; 0 where Redis does not count them (before 7). */
  readonly added: number;
  /** Id of the first entry; empty where there is none. */
  readonly firstId: string;
  /** Id of the last entry; empty where there is none. */
  readonly lastId: string;
  /** Bytes of the last entry, the names of its fields included; 0 where there is none. */
  readonly lastBytes: number;
  /** Its metadata, any JSON. */
  readonly meta: unknown;
}

/** What answers, and for how long. */
export interface ServerInfo {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly redisVersion: string;
  readonly redisMode: string;
}

/** Whose streams are meant, and who decides how long. */
export type NameOptions = Pick<CommonOptions, "device" | "prefix" | "signal">;

/** What is listed, and who decides how long. */
export interface ListOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Which streams are listed. */
export interface StreamsOptions extends ListOptions {
  /** A glob of Redis that keys, which begin with their device, are to match. @default all */
  readonly match?: string | undefined;
}

/** How metadata is set. */
export interface SetMetaOptions extends NameOptions {
  /** Merge it into the object that is there instead of replacing it. @default false */
  readonly merge?: boolean | undefined;
}

const STREAM_FIELDS = "id length entriesAdded firstEntryId lastEntryId lastEntryBytes meta";

/** What there is at a gateway. All throw `StreamerError`, or the signal's reason. */
export interface Catalog {
  /** Devices that are connected, and those that were once. Empty where keys carry no device. */
  devices(options?: ListOptions): Promise<readonly DeviceInfo[]>;
  /** Streams that have entries or metadata, without the gateway's own, whose keys begin with a colon. */
  streams(options?: StreamsOptions): Promise<readonly StreamInfo[]>;
  /** A stream's metadata, any JSON; `{}` where there is none. */
  meta(stream: string, options?: NameOptions): Promise<unknown>;
  /** Sets a stream's metadata. */
  setMeta(stream: string, meta: unknown, options?: SetMetaOptions): Promise<void>;
  /** Deletes a stream with its metadata. @returns whether there was one */
  deleteStream(stream: string, options?: NameOptions): Promise<boolean>;
  /** What answers. */
  server(options?: ListOptions): Promise<ServerInfo>;
}

/** Makes the catalog of a gateway. */
export function createCatalog(gateway: Gateway): Catalog {
  let known: boolean | undefined;

  /** Whether keys carry devices: with `DISABLE_MULTI_DEVICE_PREFIXING` the schema has none. It is a setting, so asked once. */
  async function hasDevices(signal: AbortSignal | undefined): Promise<boolean> {
    const { type } =
      known === undefined ? await ask(gateway, '{ type: __type(name: "Device") { name } }', {}, signal) : {};
    known ??= isObject(type);
    return known;
  }

  /** Asks an operation about one stream; without devices its declarations and arguments of them are left out. */
  async function askOf(
    stream: string,
    options: NameOptions,
    operation: (withDevice: boolean) => string,
    variables: JsonObject = {},
  ): Promise<JsonObject> {
    checkOptions(options, { device: true, prefix: true, signal: true });
    const { device, prefix, signal } = options;
    const withDevice = await hasDevices(signal);
    const names = { stream: `${prefix ?? ""}${stream}`, ...(withDevice && { device: device ?? "default" }) };
    return ask(gateway, operation(withDevice), { ...variables, ...names }, signal);
  }

  return {
    async devices({ signal } = {}) {
      if (!(await hasDevices(signal))) return [];
      const query = "{ all: devices(includeAll: true) { id meta } now: devices { id } }";
      const { all, now } = await ask(gateway, query, {}, signal);
      const connected = new Set(objectsOf(now).map(({ id }) => id));
      return objectsOf(all).map(({ id, meta }) => ({ id: String(id), connected: connected.has(id), meta }));
    },

    async streams(options = {}) {
      checkOptions(options, { match: true, signal: true });
      const { match, signal } = options;
      const withDevice = await hasDevices(signal);
      const query = `query($match: String) { streams(match: $match) { ${STREAM_FIELDS} } }`;
      const { streams } = await ask(gateway, query, { match }, signal);
      const found = objectsOf(streams).map((one) => streamInfo(one, withDevice));
      return withDevice ? found.filter(({ key }) => !key.startsWith(":")) : found;
    },

    async meta(stream, options = {}) {
      const answer = await askOf(stream, options, (withDevice) =>
        withDevice
          ? "query($stream: String!, $device: String!) { device(id: $device) { stream(streamId: $stream) { meta } } }"
          : "query($stream: String!) { stream(id: $stream) { meta } }",
      );
      const { stream: found } = isObject(answer.device) ? answer.device : answer;
      return isObject(found) ? found.meta : {};
    },

    async setMeta(stream, meta, { merge = false, ...options } = {}) {
      await askOf(
        stream,
        options,
        (withDevice) =>
          `mutation($stream: String!, $meta: JSON!, $merge: Boolean${withDevice ? ", $device: String" : ""}) {
            updateStreamMeta(streamId: $stream, meta: $meta, update: $merge${withDevice ? ", deviceId: $device" : ""})
          }`,
        { meta, merge },
      );
    },

    async deleteStream(stream, options = {}) {
      const { deleteStream: done } = await askOf(stream, options, (withDevice) =>
        withDevice
          ? "mutation($stream: String!, $device: String) { deleteStream(streamId: $stream, deviceId: $device) }"
          : "mutation($stream: String!) { deleteStream(streamId: $stream) }",
      );
      return isObject(done) && (done.data_deleted === true || done.meta_deleted === true);
    },

    async server({ signal } = {}) {
      const query = "{ server { version uptime redisVersion redisMode } }";
      const { server } = await ask(gateway, query, {}, signal);
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
  // A key of a program that knows no devices has nothing before a colon.
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
