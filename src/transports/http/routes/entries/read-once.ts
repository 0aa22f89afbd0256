/** One read for one response: the entries present now, or the first entry that arrives within a time. */

import type { GatewayError } from "../../../../domain/errors.ts";
import type { Entry, Gap, StreamEntries } from "../../../../domain/streams/entry.ts";
import type { StreamMemory } from "../../../../live/memory/stream-memory.ts";
import type { Encoder, Reservation } from "../../../../live/sink.ts";
import type { SubscribedStream } from "../../../../live/stream-state.ts";
import type { StreamReader } from "../../../../redis/read/stream-reader.ts";
import type { TransportParts } from "../../../parts.ts";
import { startPattern } from "../../../request/follow-pattern.ts";
import type { PatternStreams } from "../../../request/pattern-streams.ts";
import type { WantedStream } from "../../../request/streams.ts";
import { countOut } from "../../../response/entries-sent.ts";

/** Parameters of a read. */
export interface ReadOnceOptions {
  readonly streams: readonly SubscribedStream[];
  /** Streams that appear while the request waits. */
  readonly pattern?: PatternStreams | undefined;
  /** Maximum number of entries per stream. */
  readonly count: number;
  readonly latest: boolean;
  /** Maximum time to wait for a first entry, in ms; 0 does not wait. */
  readonly blockMs: number;
  /** Opens a memory reservation for entries that arrive during the wait. */
  readonly memory: () => Reservation;
  /** Opens the memory of the streams that are followed during the wait. */
  readonly streamMemory: () => StreamMemory;
  /** Calls back when the client disconnects or the gateway stops. @returns a function that removes the callback */
  readonly whenGone: (callback: () => void) => () => void;
  /** Calls back when the credentials expire or are revoked. @returns a function that removes the callback */
  readonly whenRevoked: (callback: (error: GatewayError) => void) => () => void;
}

/** Result of a read. */
export interface ReadOnce {
  readonly streams: readonly StreamEntries[];
  /** Gaps before the entries of a stream, at most one per stream. */
  readonly gaps: readonly Gap[];
}

/** Passes entries on unencoded, because the response is encoded only after the entries that fit are selected. */
const unencoded: Encoder<readonly StreamEntries[]> = { encode: (streams) => streams };

/** Result of a read from memory. */
export interface KnownEntries extends ReadOnce {
  /** Whether a read would find the same entries now. */
  isCurrent(): boolean;
  /** Counts the entries as sent. */
  count(): void;
}

/**
 * Reads from memory only. This serves most requests of clients that poll.
 *
 * @returns undefined if a read from Redis, or a wait, is necessary
 */
export function readKnown(
  { streams: { polled }, observe: { counters, streamClasses } }: TransportParts,
  streams: readonly WantedStream[],
  count: number,
  latest: boolean,
): KnownEntries | undefined {
  const present: StreamEntries[] = [];
  const gaps: Gap[] = [];
  const found: (readonly Entry[])[] = [];
  const pageOf = ({ key, cursor }: WantedStream) =>
    latest || cursor === "$" ? undefined : polled.knownAfter(key, cursor, count);
  const newestOf = ({ key, cursor }: WantedStream) =>
    cursor === "$" ? undefined : polled.knownNewest(key, cursor, count);
  const known = (stream: WantedStream) => (latest ? newestOf(stream) : pageOf(stream)?.entries);
  for (const stream of streams) {
    const { name, cursor } = stream;
    const page = pageOf(stream);
    const entries = latest ? newestOf(stream) : page?.entries;
    if (entries === undefined || cursor === "$") return undefined;
    found.push(entries);
    const [first] = entries;
    if (first === undefined) continue;
    present.push({ stream: name, entries });
    if (page?.hasGap) gaps.push({ stream: name, after: cursor, before: first.id });
  }
  if (present.length === 0) return undefined;
  return {
    streams: present,
    gaps,
    isCurrent: () => streams.every((stream, i) => known(stream) === found[i]),
    count() {
      counters.gaps += gaps.length;
      for (const [i, { key }] of streams.entries()) countOut(streamClasses, key, found[i] ?? []);
    },
  };
}

/** Estimates the bytes that a read of streams returns. */
export function expectedBytes(
  streamReader: StreamReader,
  streams: readonly { readonly key: string; readonly isAtEnd: boolean }[],
  count: number,
): number {
  let bytes = 0;
  for (const { key, isAtEnd } of streams)
    if (!isAtEnd) bytes += streamReader.expectedBytes(key, count, streams.length);
  return bytes;
}

/** Reads once. Does not use the entries of the live tail, which may lag behind acknowledged appends. @throws GatewayError */
export async function readOnce(parts: TransportParts, options: ReadOnceOptions): Promise<ReadOnce> {
  const gaps: Gap[] = [];
  const gone = new Set<SubscribedStream>();
  const found = await Promise.all(
    options.streams.map((stream) => readNow(parts, stream, options, { gaps, gone })),
  );
  const present = found.filter(({ entries }) => entries.length > 0);
  if (present.length > 0) {
    return { streams: present, gaps };
  }
  return options.blockMs === 0 ? { streams: [], gaps: [] } : waitForFirst(parts, options, gone);
}

async function readNow(
  { streams: { polled }, observe: { counters, streamClasses } }: TransportParts,
  stream: SubscribedStream,
  { streams, count, latest }: ReadOnceOptions,
  { gaps, gone }: { readonly gaps: Gap[]; readonly gone: Set<SubscribedStream> },
): Promise<StreamEntries> {
  const { key, name, cursor, isAtEnd } = stream;
  if (isAtEnd) return { stream: name, entries: [] };
  const among = streams.length;
  if (latest) {
    const newest = await polled.readNewest(key, cursor, count, among);
    countOut(streamClasses, key, newest);
    return { stream: name, entries: newest };
  }
  const { entries, hasGap, isGone } = await polled.readAfter(key, cursor, count, among);
  if (isGone) gone.add(stream);
  const [first] = entries;
  if (hasGap && first !== undefined) {
    counters.gaps++;
    gaps.push({ stream: name, after: cursor, before: first.id });
  }
  countOut(streamClasses, key, entries);
  return { stream: name, entries };
}

function waitForFirst(
  { streams: { subscribe }, access: { sessions } }: TransportParts,
  { streams, pattern, count, latest, blockMs, memory, streamMemory, whenGone, whenRevoked }: ReadOnceOptions,
  gone: ReadonlySet<SubscribedStream>,
): Promise<ReadOnce> {
  return new Promise((resolve, reject) => {
    let found: readonly StreamEntries[] = [];
    const gaps: Gap[] = [];
    const stop = () => {
      stopPattern?.();
      clearTimeout(timer);
      release();
      unwatch();
      subscription.close();
    };
    const finish = () => {
      stop();
      resolve({ streams: found, gaps });
    };
    const fail = (error: GatewayError) => {
      stop();
      reject(error);
    };
    const subscription = subscribe({
      streams: streams.map((stream) => ({ hasGap: gone.has(stream), ...stream, isAtEnd: true })),
      encoder: unencoded,
      onDemand: { count, latest },
      memory: memory(),
      streamMemory: streamMemory(),
      sink: {
        write(entries) {
          found = entries;
        },
        isFull: () => false,
        whenDrained: () => undefined,
      },
      onFrame: finish,
      onGap: (gap) => gaps.push(gap),
      onError: fail,
    });
    const stopPattern =
      pattern &&
      startPattern(pattern, {
        ...{ subscription, sessions, session: undefined },
        onLimit: () => undefined,
        onError: fail,
      });
    const timer = setTimeout(finish, blockMs);
    const release = whenGone(finish);
    const unwatch = whenRevoked(fail);
  });
}
