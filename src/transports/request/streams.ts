/** Streams of a read request: their keys, the names that the client sees, and cursors. */
import { authorize, type Identity } from "../../access/identity/authorize.ts";
import { badParameter, type GatewayError } from "../../domain/errors.ts";
import { parseCursors, type RequestedCursor } from "../../domain/streams/cursor.ts";
import { type EntryId, FIRST_ID } from "../../domain/streams/entry-id.ts";
import { type NamedCursors, parseNamedCursors } from "../../domain/streams/named-cursors.ts";
import {
  type Naming,
  namingOf,
  type ParameterNames,
  parseStreamIds,
} from "../../domain/streams/stream-name.ts";
import {
  type KeyPattern,
  type SelectedStream,
  selectStreams,
} from "../../domain/streams/stream-selection.ts";
import type { SubscribedStream } from "../../live/stream-state.ts";
import type { LastIds } from "../../redis/registry/details/last-ids.ts";
import type { ParametersOf } from "./parameters/parameters.ts";
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
  "device_id" | "prefix" | "keep_device_id_in_stream_id" | "last_entry_id" | "pattern"
> &
  Partial<Pick<ParametersOf<"get">, "exclude">>;

/** Names of the parameters of a request, if they are not the usual ones. */
export interface ReadNames extends ParameterNames {
  readonly cursor: string;
}

/** One stream that a request reads. */
export interface WantedStream {
  readonly key: string;
  /** The name that the client sees. */
  readonly name: string;
  readonly cursor: RequestedCursor;
}

/** Selects streams that may not exist yet, with their cursors. */
export interface WantedPattern {
  /** Every selected key begins with one of these. */
  readonly prefixes: readonly string[];
  /** Returns the stream of a key; undefined if it is not selected. */
  select(key: string): WantedStream | undefined;
}

/** Streams that a request reads. */
export interface RequestedStreams {
  readonly named: readonly WantedStream[];
  /** Undefined if the request has no pattern. */
  readonly pattern: WantedPattern | undefined;
}

/**
 * Reads the streams of a request with their cursors, and checks that the client may read those that it names.
 *
 * @param segment the stream ids of the path, percent-encoded
 * @throws GatewayError BAD_PARAMETER or FORBIDDEN
 */
export function readRequestedStreams(
  identity: Identity,
  segment: string,
  parameters: ReadParameters,
  limits: RequestLimits,
): RequestedStreams {
  return selectRequestedStreams(identity, parseStreamIds(segment, limits.maxStreams), parameters, limits);
}

/** Like `readRequestedStreams`, with decoded stream ids. @param names of the parameters in errors */
export function selectRequestedStreams(
  identity: Identity,
  streamIds: readonly string[],
  parameters: ReadParameters,
  { maxStreams, noDevicePrefix, maxNameBytes }: RequestLimits,
  names?: ReadNames,
): RequestedStreams {
  const { device_id, prefix, exclude = [] } = parameters;
  if (exclude.length > maxStreams)
    throw badParameter("exclude", `must have at most ${maxStreams} names, got ${exclude.length}`);
  const { ids, named, pattern } = selectStreams({
    ids: streamIds,
    exclude,
    isLiteral: !parameters.pattern,
    device: device_id,
    prefix,
    noDevicePrefix,
    maxNameBytes,
    keepDevice: parameters.keep_device_id_in_stream_id,
    ...(names && { names }),
  });
  const cursors = cursorsOf(parameters, ids, pattern !== undefined, names?.cursor);
  const withCursor = ({ key, name, position }: SelectedStream): WantedStream => ({
    key,
    name,
    cursor: cursors.of(name, position),
  });
  const wanted = named.map(withCursor);
  authorize(identity, "read", keysOf(wanted));
  return { named: wanted, pattern: pattern && withCursors(pattern, withCursor) };
}

function withCursors(
  { prefixes, select }: KeyPattern,
  withCursor: (stream: SelectedStream) => WantedStream,
): WantedPattern {
  return {
    prefixes,
    select(key) {
      const stream = select(key);
      return stream && withCursor(stream);
    },
  };
}

function cursorsOf(
  { last_entry_id: text }: ReadParameters,
  ids: number,
  hasPattern: boolean,
  name: string | undefined,
): NamedCursors {
  if (hasPattern) return parseNamedCursors(text, ids, name);
  const cursors = parseCursors(text, ids, name);
  return { of: (_name, position) => cursors[position] ?? FIRST_ID };
}

/**
 * Reads the streams of a request to a route that reads only streams that it names.
 *
 * @throws GatewayError BAD_PARAMETER, also for a pattern, or FORBIDDEN
 */
export function readNamedStreams(
  identity: Identity,
  segment: string,
  parameters: ReadParameters,
  limits: RequestLimits,
): readonly WantedStream[] {
  const { named, pattern } = readRequestedStreams(identity, segment, parameters, limits);
  if (pattern !== undefined) throw noPatterns(parameters.device_id);
  return named;
}

/** Returns the error of a route without patterns, for a request with one. */
export const noPatterns = (device: string | undefined): GatewayError =>
  badParameter(
    device?.includes("*") === true ? "device_id" : "stream_id",
    "must not be a pattern here; pattern=0 makes * a literal character",
  );

/** Returns the cursors of a request, and the ends of its playback, as times, to check their unit. */
export const cursorTimes = (streams: readonly WantedStream[], played?: TimeRange): readonly NamedTime[] => [
  ...streams.map(({ key, cursor }) => ({ parameter: "last_entry_id", id: cursor, key })),
  ...(played === undefined ? [] : rangeTimes(keysOf(streams), played)),
];

/** The first and the last id of a range. */
interface TimeRange {
  readonly start: EntryId;
  readonly end: EntryId;
}

/** Returns the ends of the range of a request as times, to check their unit. */
export const rangeTimes = (keys: readonly string[], { start, end }: TimeRange): readonly NamedTime[] =>
  keys.flatMap((key) => [
    { parameter: "start", id: start, key },
    { parameter: "end", id: end, key },
  ]);

/** Returns the keys of streams. */
export const keysOf = (streams: readonly WantedStream[]): readonly string[] => streams.map(({ key }) => key);

/**
 * Resolves the cursors of a live subscription: `$` becomes the id that the stream generated last. This happens once, before the first read, so that no entry is
 * missed between two reads.
 *
 * @throws GatewayError if Redis is unavailable
 */
export function resolveCursors(
  streams: readonly WantedStream[],
  lastIds: LastIds,
): Promise<readonly SubscribedStream[]> {
  return Promise.all(
    streams.map(async ({ key, name, cursor }) =>
      cursor === "$"
        ? { key, name, cursor: await lastIds.lastGeneratedId(key), isAtEnd: true }
        : { key, name, cursor, isAtEnd: false },
    ),
  );
}
