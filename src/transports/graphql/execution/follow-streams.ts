/**
 * Follows streams for a GraphQL subscription. Like every reader it has a cursor and a sink. The sink is full while the
 * client has not received the entries that are ready; until then no further entries are read.
 */

import { GatewayError } from "../../../domain/errors.ts";
import type { StreamEntries } from "../../../domain/streams/entry.ts";
import { StreamMemory } from "../../../live/memory/stream-memory.ts";
import type { Encoder } from "../../../live/sink.ts";
import { startPattern, TOO_MANY_STREAMS } from "../../request/follow-pattern.ts";
import { openStreams } from "../../request/pattern-streams.ts";
import { keysOf, type RequestedStreams } from "../../request/streams.ts";
import type { OperationContext } from "./context.ts";
import { createPullIterator } from "./pull-iterator.ts";
import { type FollowedEntries, ReadyEntries } from "./ready-entries.ts";

/** Delivery options of a subscription. */
export interface FollowOptions {
  /** Maximum number of entries in one payload. */
  readonly count: number;
  /** Delivers only the newest entries each time the client is ready. */
  readonly latest: boolean;
}

const asTheyAre: Encoder<readonly StreamEntries[]> = {
  form: "graphql",
  encode: (streams) => streams,
};

/**
 * Follows streams from their cursors.
 *
 * @throws GatewayError FORBIDDEN, or if Redis does not reply
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
  const { streams, pattern } = await openStreams(requested, visitor, context).catch((error) => {
    unfollow();
    throw error;
  });
  /** Memory of the entries that are ready. */
  const lease = memory.answer("graphql", visitor);
  const ready = new ReadyEntries(lease, { count, latest, highWaterBytes: sendHighWaterBytes });
  const { iterator, wake, end } = createPullIterator(
    () => ready.take(),
    () => {
      subscription.close();
      lease.release();
      forget();
      forgetReader?.();
      stopPattern?.();
      unfollow();
    },
  );
  const subscription = subscribe({
    streams,
    encoder: asTheyAre,
    sink: {
      write(frame) {
        ready.add(frame);
        wake();
      },
      isFull: () => ready.isFull(),
      whenDrained: (callback) => ready.whenDrained(callback),
    },
    memory: memory.answer("answer", visitor),
    streamMemory: new StreamMemory(memory.streams(visitor), { countsFirst: true }),
    ...(latest && { onDemand: { count, latest } }),
    onGap: (gap) => ready.addGap(gap),
    onError: end,
  });
  const stopPattern =
    pattern &&
    startPattern(pattern, {
      ...{ subscription, session, sessions },
      onLimit: (name) => logger.warn({ connection: visitor.id, stream: name, maxStreams }, TOO_MANY_STREAMS),
      onError: end,
    });
  const forgetReader = session && sessions.read(session, subscription);
  const stop = () => end(new GatewayError("SHUTTING_DOWN", "the gateway is shutting down"));
  const forget = closing.add(stop);
  if (closing.isClosing()) stop();
  return iterator;
}
