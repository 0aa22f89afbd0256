/** Streams of a read request: their keys, the names that the client sees, and cursors. */
import { authorize, type Identity } from "../../access/identity/authorize.ts";
import { parseCursors, type RequestedCursor } from "../../domain/cursor.ts";
import { FIRST_ID } from "../../domain/entry-id.ts";
import { type Naming, namingOf, parseStreamIds, withoutRepeats } from "../../domain/stream-name.ts";
import type { SubscribedStream } from "../../live/subscription.ts";
import type { StreamReader } from "../../redis/read/stream-reader.ts";
import type { ParametersOf } from "./parameters.ts";
import type { NamedTime } from "./warnings.ts";

/** Settings that limit requests. */
export interface RequestLimits {
  readonly maxNameBytes: number;
  readonly noDevicePrefix: boolean;
  readonly maxStreams: number;
  readonly maxBatchEntries: number;
}

/** Reads the device and prefix of a request. With an empty `device_id=`, stream ids are whole Redis keys. */
export const readNaming = (
  { device_id, prefix }: Pick<ParametersOf<"post">, "device_id" | "prefix">,
  { noDevicePrefix, maxNameBytes }: RequestLimits,
  keepDevice = false,
): Naming =>
  namingOf({
    device: device_id,
    prefix,
    noDevicePrefix,
    maxNameBytes,
    keepDevice,
  });

/** Parameters that name streams and cursors. */
export type ReadParameters = Pick<
  ParametersOf<"get">,
  "device_id" | "prefix" | "keep_device_id_in_stream_id" | "last_entry_id"
>;

/** One stream that a request reads. */
export interface WantedStream {
  readonly key: string;
  /** The name that the client sees. */
  readonly name: string;
  readonly cursor: RequestedCursor;
}

/**
 * Reads the streams of a request with their cursors, and checks that the client may read them.
 *
 * @param segment the stream ids of the path, percent-encoded
 * @throws GatewayError BAD_PARAMETER or FORBIDDEN
 */
export function readWantedStreams(
  identity: Identity,
  segment: string,
  parameters: ReadParameters,
  limits: RequestLimits,
): readonly WantedStream[] {
  const named = parseStreamIds(segment, limits.maxStreams);
  const naming = readNaming(parameters, limits, parameters.keep_device_id_in_stream_id);
  const streams = withoutRepeats(named);
  const cursors = parseCursors(parameters.last_entry_id, streams.length);
  const wanted = streams.map((id, i) => ({
    key: naming.keyOf(id),
    name: naming.labelOf(id),
    cursor: cursors[i] ?? FIRST_ID,
  }));
  authorize(identity, "read", keysOf(wanted));
  return wanted;
}

/** Returns the cursors of a request as times, to check their unit. */
export const cursorTimes = (streams: readonly WantedStream[]): readonly NamedTime[] =>
  streams.map(({ key, cursor }) => ({ parameter: "last_entry_id", id: cursor, key }));

/** Returns the keys of streams. */
export const keysOf = (streams: readonly WantedStream[]): readonly string[] => streams.map(({ key }) => key);

/**
 * Resolves `$` to the id that the stream generated last. This happens once, before the first read, so that no entry is
 * missed between two reads.
 *
 * @throws GatewayError if Redis is unavailable
 */
export function resolveCursors(
  streams: readonly WantedStream[],
  streamReader: StreamReader,
): Promise<readonly SubscribedStream[]> {
  return Promise.all(
    streams.map(async ({ key, name, cursor }) =>
      cursor === "$"
        ? { key, name, cursor: await streamReader.lastGeneratedId(key), isAtEnd: true }
        : { key, name, cursor, isAtEnd: false },
    ),
  );
}
