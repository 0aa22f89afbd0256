/**
 * Tracking tail: `CLIENT TRACKING` (RESP3). Reading a stream arms the tracking of its key. The next change sends an
 * invalidation, after which the tail reads only the changed streams, which arms them again. No change is missed, because
 * the read itself arms. The cost depends on the number of changes, not on the number of watched streams.
 *
 * This gateway's own appends arrive by loopback instead (`append/loopback.ts`). A stream whose last entry was looped back
 * is neither read nor armed until the loopback reports a change by another client.
 */
import type { Entry } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Loopback } from "../append/loopback.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { gatewayErrorOf, isPermissionError } from "../reply-errors.ts";
import type { RedisEndpoint } from "../resp/address-source.ts";
import { Connection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { createScriptSupport } from "../resp/script-support.ts";
import { followServer } from "../resp/server-identity.ts";
import { createContinuity } from "./continuity.ts";
import { createPendingLoopback } from "./pending-loopback.ts";
import { createReadRetries, isTemporary } from "./read-retries.ts";
import { createReadScheduler } from "./read-scheduler.ts";
import {
  errorIn,
  type OnTailReads,
  planRead,
  type ReadReplies,
  type ReadState,
  readCommands,
  type Tail,
  type TailEvents,
  takeReads,
} from "./tail.ts";

/** Options of a tail. */
export interface TailOptions extends TailEvents {
  readonly address: RedisEndpoint;
  readonly logger: Logger;
  /** See `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly loopback: Loopback;
  readonly onReads: OnTailReads;
  /** Called if the server does not support client tracking. */
  readonly onUnsupported?: (reason: string) => void;
}

/** Opens a tracking tail. It waits while Redis is unavailable, then continues at its positions. */
export function openTrackingTail(options: TailOptions): Tail {
  const {
    address,
    logger,
    stallMs,
    sizes,
    counters,
    loopback,
    onReads,
    onRemoval,
    onForbidden,
    onUnsupported,
  } = options;
  const positions = new Map<string, EntryId>();
  const pending = createPendingLoopback();
  /** Streams that may have grown since their last read. */
  const changed = new Set<string>();
  /** Streams of the read in flight, with their positions. */
  let reading: ReadonlyMap<string, EntryId> | undefined;
  const scripts = createScriptSupport(logger);
  const continuity = createContinuity(sizes, scripts.isAllowed);
  const state: ReadState = { positions, sizes, continuity, onRemoval, onAgain: (key) => changed.add(key) };
  const scheduler = createReadScheduler(read);
  const retries = createReadRetries((keys) => {
    for (const key of keys) if (positions.has(key)) changed.add(key);
    schedule();
  });

  const server = followServer(() => connection, continuity.serverChanged);
  const connection = new Connection({
    address,
    logger,
    stallMs,
    name: "tail",
    // A read that cannot be sent is dropped: its stream stays marked and is read when Redis is available.
    waitMs: 0,
    onPush,
    onReady() {
      if (connection.protocol() === 2) {
        onUnsupported?.("it does not speak RESP3");
        return;
      }
      connection.send(["CLIENT", "TRACKING", "ON"], (error) => {
        if (error instanceof ReplyError) onUnsupported?.(error.message);
      });
      server.check();
      readAll();
    },
    onLost() {
      counters.redisReconnects++;
      reading = undefined;
    },
  });

  /** Reads all streams: after a flush or a lost connection, none may be armed. */
  function readAll(): void {
    for (const key of positions.keys()) changed.add(key);
    schedule();
  }

  function onPush([kind, keys]: Reply[]): void {
    if (String(kind) !== "invalidate") return;
    if (!Array.isArray(keys)) {
      readAll();
      return;
    }
    for (const bytes of keys) {
      const key = String(bytes);
      // An own append, which arrives by loopback. If it was a foreign one, the loopback reports `disturbed`.
      if (positions.get(key) === loopback.endOf(key) && !continuity.isEnded(key)) continue;
      // A read of this stream is in flight. The change preceded that read, so its reply includes it.
      if (reading?.has(key) !== true && positions.has(key)) changed.add(key);
    }
    schedule();
  }

  function schedule(): void {
    if (reading === undefined) scheduler.schedule(changed.size);
  }

  function read(): void {
    if (!connection.isReady() || reading !== undefined) return;
    const plan = planRead(changed, positions, sizes);
    const { from } = plan;
    if (from.size === 0) return;
    scheduler.noteRead();
    counters.tailReads++;
    reading = from;
    for (const key of from.keys()) changed.delete(key);
    connection.transact(readCommands(plan, continuity), (error, replies) => {
      if (reading === from) reading = undefined;
      const failure = error ?? errorIn(replies);
      if (failure !== undefined) {
        failed(failure, from);
        return;
      }
      take({ ...plan, replies });
      schedule();
    });
  }

  /** Delivers read entries, then the pending looped-back entries that follow them. */
  function take(read: ReadReplies): void {
    const reads = takeReads(read, state);
    if (reads.length > 0) onReads(reads);
    for (const { key } of reads) {
      const position = positions.get(key);
      const entries = position === undefined ? [] : pending.following(key, position);
      if (position !== undefined && entries.length > 0) moveOn(key, position, entries);
    }
  }

  /** Delivers entries that follow a stream's position and were not read. */
  function moveOn(key: string, position: EntryId, entries: readonly Entry[]): boolean {
    const last = entries[entries.length - 1];
    if (last === undefined) return false;
    sizes.learn(key, entries);
    positions.set(key, last.id);
    continuity.grow(key, entries);
    return onReads([{ key, after: position, entries, hasGap: false, isNewLife: false }]);
  }

  loopback.listen({
    looped(key, after, entries) {
      const position = positions.get(key);
      if (position === undefined) return false;
      if (continuity.isEnded(key)) {
        // They follow an entry of another stream life than the position.
        changed.add(key);
        schedule();
        return false;
      }
      if (!pending.add(key, after, entries)) {
        // Too many are pending, so the stream is read instead.
        changed.add(key);
        schedule();
        return false;
      }
      const isKept = moveOn(key, position, pending.following(key, position));
      return isKept || pending.has(key);
    },
    disturbed(key) {
      if (!positions.has(key)) return;
      changed.add(key);
      schedule();
    },
  });

  /** Reads each stream by itself after one of them failed the read of all. A stream that fails alone is skipped. */
  function failed(error: Error, from: ReadonlyMap<string, EntryId>): void {
    const isRetried = scripts.isForbidden(error);
    if (!connection.isReady() || isRetried) {
      for (const key of from.keys()) if (positions.has(key)) changed.add(key);
      if (isRetried) schedule();
      return;
    }
    if (from.size === 1) {
      for (const key of from.keys()) reject(key, error);
      schedule();
      return;
    }
    const apart: ReadonlyMap<string, EntryId> = new Map();
    reading = apart;
    let missing = from.size;
    for (const [key, position] of from) {
      const plan = { from: new Map([[key, position]]), count: 1 };
      connection.transact(readCommands(plan, continuity), (rejection, replies) => {
        const failure = rejection ?? errorIn(replies);
        if (failure === undefined) {
          take({ ...plan, replies });
          if (positions.has(key)) changed.add(key);
        } else if (connection.isReady()) reject(key, failure);
        else if (positions.has(key)) changed.add(key);
        if (--missing > 0 || reading !== apart) return;
        reading = undefined;
        schedule();
      });
    }
  }

  function reject(key: string, error: Error): void {
    logger.warn({ key, err: error }, "Redis rejected reading this stream");
    if (isPermissionError(error)) onForbidden?.(key, gatewayErrorOf(error));
    else if (isTemporary(error)) retries.add(key);
  }

  return {
    noticesRemovals: () => true,
    watch(key, after) {
      loopback.watch(key);
      pending.forget(key);
      continuity.forget(key);
      positions.set(key, after);
      counters.tailStreams = positions.size;
      changed.add(key);
      schedule();
    },
    unwatch(key) {
      loopback.unwatch(key);
      pending.forget(key);
      positions.delete(key);
      continuity.forget(key);
      changed.delete(key);
      counters.tailStreams = positions.size;
    },
    close() {
      loopback.listen(undefined);
      retries.close();
      connection.close();
    },
  };
}
