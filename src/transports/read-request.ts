/** What every request that reads streams has in common: which streams, under which names, from which cursors. */
import { authorize, type Identity } from "../access/authorize.ts";
import { parseCursors, type RequestedCursor } from "../domain/cursor.ts";
import { FIRST_ID } from "../domain/entry-id.ts";
import { type Naming, namingOf, parseStreamIds, withoutRepeats } from "../domain/stream-name.ts";
import type { SubscribedStream } from "../live/subscription.ts";
import type { Log } from "../redis/log.ts";
import type { Query } from "./query.ts";
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
  query: Query,
  { noDevicePrefix, maxNameBytes }: RequestLimits,
  keepDevice = false,
): Naming =>
  namingOf({
    device: query.given("device_id"),
    prefix: query.text("prefix", ""),
    noDevicePrefix,
    maxNameBytes,
    keepDevice,
  });

/** One stream that a request reads. */
export interface WantedStream {
  readonly key: string;
  /** How the client sees it. */
  readonly name: string;
  readonly cursor: RequestedCursor;
}

/**
 * Reads which streams a request wants and from where, and asks whether it may read them.
 *
 * @param identity who wants to read
 * @param segment the stream ids of the path, percent-encoded
 * @param cursorText what the request says of where to read from
 * @throws GatewayError BAD_PARAMETER or FORBIDDEN
 */
export function readWantedStreams(
  identity: Identity,
  segment: string,
  query: Query,
  limits: RequestLimits,
  cursorText = query.text("last_entry_id", "$"),
): readonly WantedStream[] {
  const named = parseStreamIds(segment, limits.maxStreams);
  const naming = readNaming(query, limits, query.flag("keep_device_id_in_stream_id", false));
  const streams = withoutRepeats(named);
  const cursors = parseCursors(cursorText, streams.length);
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
