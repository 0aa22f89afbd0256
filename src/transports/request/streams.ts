/** What every request that reads streams has in common: which streams, under which names, from which cursors. */
import { authorize, type Identity } from "../../access/identity/authorize.ts";
import { parseCursors, type RequestedCursor } from "../../domain/cursor.ts";
import { FIRST_ID } from "../../domain/entry-id.ts";
import { type Naming, namingOf, parseStreamIds, withoutRepeats } from "../../domain/stream-name.ts";
import type { SubscribedStream } from "../../live/subscription.ts";
import type { Log } from "../../redis/read/stream-reader.ts";
import type { ParametersOf } from "./parameters.ts";
import type { NamedTime } from "./warnings.ts";

/** The settings that requests are read by. */
export interface RequestLimits {
  readonly maxNameBytes: number;
  readonly noDevicePrefix: boolean;
  readonly maxStreams: number;
  readonly maxBatchEntries: number;
}

/** Reads the device and prefix of a request. `device_id=`, present and empty, means that stream ids are keys. */
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

/** The parameters that name streams and cursors. */
export type ReadParameters = Pick<
  ParametersOf<"get">,
  "device_id" | "prefix" | "keep_device_id_in_stream_id" | "last_entry_id"
>;

/** One stream that a request reads. */
export interface WantedStream {
  readonly key: string;
  /** How the client sees it. */
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

/** Returns the cursors of a request as times that may be in the wrong unit. */
export const cursorTimes = (streams: readonly WantedStream[]): readonly NamedTime[] =>
  streams.map(({ key, cursor }) => ({ parameter: "last_entry_id", id: cursor, key }));

/** The keys of streams. */
export const keysOf = (streams: readonly WantedStream[]): readonly string[] => streams.map(({ key }) => key);

/**
 * Turns `$` into the id that the stream generated last: once, before the first read, so that nothing is missed between
 * two reads.
 *
 * @throws GatewayError where Redis does not answer
 */
export function resolveCursors(
  streams: readonly WantedStream[],
  log: Log,
): Promise<readonly SubscribedStream[]> {
  return Promise.all(
    streams.map(async ({ key, name, cursor }) =>
      cursor === "$"
        ? { key, name, cursor: await log.lastGeneratedId(key), isAtEnd: true }
        : { key, name, cursor, isAtEnd: false },
    ),
  );
}
