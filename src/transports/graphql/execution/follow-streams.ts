/**
 * Follows streams for a GraphQL subscription. Like every reader it has a cursor and a sink. The sink is full while the
 * client has not received the entries that are ready; until then no further entries are read.
 */

import { GatewayError } from "../../../domain/errors.ts";
import type { Entry, Gap, StreamEntries } from "../../../domain/streams/entry.ts";
import type { Encoder } from "../../../live/sink.ts";
import { startPattern, TOO_MANY_STREAMS } from "../../request/follow-pattern.ts";
import { openStreams } from "../../request/pattern-streams.ts";
import { keysOf, type RequestedStreams } from "../../request/streams.ts";
import type { OperationContext } from "./context.ts";
import { createPullIterator } from "./pull-iterator.ts";

/** Entries of one subscription event. */
export interface FollowedEntries {
  readonly stream: string;
  readonly entries: readonly Entry[];
  /** Gap before the entries. */
  readonly gap?: Gap;
}

/** Delivery options of a subscription. */
export interface FollowOptions {
  /** Maximum number of entries in one payload. */
  readonly count: number;
  /** Delivers only the newest entries each time the client is ready. */
  readonly latest: boolean;
}

/** Memory of a waiting entry besides its payload, in bytes. */
const ENTRY_BYTES = 256;

const asTheyAre: Encoder<readonly StreamEntries[]> = {
  form: "graphql",
  encode: (streams) => streams,
};

/**
 * Follows streams from their cursors.
 *
 * @throws GatewayError FORBIDDEN, or if Redis does not answer
 */
export async function followStreams(
  context: OperationContext,
  requested: RequestedStreams,
  { count, latest }: FollowOptions,
): Promise<AsyncGenerator<FollowedEntries, undefined, undefined>> {
  const {
    streams: { subscribe },
    access: { closing, memory, sessions },
    observe: { logger },
    config: { maxStreams, sendHighWaterBytes },
    follows,
    visitor,
    session,
  } = context;
  const unfollow = follows(keysOf(requested.named));
  const { streams, pattern } = await openStreams(requested, visitor.identity, context).catch((error) => {
    unfollow();
    throw error;
  });
  let ready: FollowedEntries[] = [];
  let head = 0;
  let readyBytes = 0;
  let drained: (() => void) | undefined;
  /** Memory of the entries that are ready. */
  const lease = memory.answer("graphql", visitor);
  /** Gaps that are reported with the next entries of their stream. */
  const gaps = new Map<string, Gap>();

  function take(): FollowedEntries | undefined {
    const next = ready[head];
    if (next === undefined) return undefined;
    head++;
    readyBytes -= bytesOf(next.entries);
    lease.set(readyBytes);
    if (head < ready.length) return next;
    ready = [];
    head = 0;
    const callback = drained;
    drained = undefined;
    // Deferred, so that entries written by the callback are delivered after the current ones.
    if (callback !== undefined) setImmediate(callback);
    return next;
  }

  const { iterator, wake, end } = createPullIterator(take, () => {
    subscription.close();
    lease.release();
    forget();
    stopPattern?.();
    unfollow();
  });
  const subscription = subscribe({
    streams,
    encoder: asTheyAre,
    sink: {
      write(frame) {
        for (const { stream, entries } of frame)
          for (let from = 0; from < entries.length; from += count) {
            const part = entries.slice(from, from + count);
            const gap = gaps.get(stream);
            gaps.delete(stream);
            ready.push(gap === undefined ? { stream, entries: part } : { stream, entries: part, gap });
            readyBytes += bytesOf(part);
          }
        lease.set(readyBytes);
        wake();
      },
      isFull: () => ready.length > head && (latest || readyBytes > sendHighWaterBytes),
      whenDrained(callback) {
        drained = callback;
      },
    },
    memory: memory.answer("answer", visitor),
    ...(latest && { onDemand: { count, latest } }),
    onGap: (gap) => gaps.set(gap.stream, gap),
    onError: end,
  });
  const stopPattern =
    pattern &&
    startPattern(pattern, {
      ...{ subscription, session, sessions },
      onLimit: (name) => logger.warn({ connection: visitor.id, stream: name, maxStreams }, TOO_MANY_STREAMS),
    });
  const stop = () => end(new GatewayError("SHUTTING_DOWN", "the gateway is shutting down"));
  const forget = closing.add(stop);
  if (closing.isClosing()) stop();
  return iterator;
}

function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const { data } of entries) bytes += data.length + ENTRY_BYTES;
  return bytes;
}
