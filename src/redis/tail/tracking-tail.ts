/**
 * A tail by `CLIENT TRACKING` (RESP3): reading a stream arms it, and its next change is told by an invalidation, upon
 * which just the changed streams are read, which arms them again. No wake-up is lost, because it is the read that
 * arms, and the cost is that of the changes, not of the streams watched.
 *
 * What this gateway appends itself comes by the echo instead (`loopback.ts`). A stream whose last entry came that way is not
 * read, nor armed, until the echo says that somebody else has changed it.
 */
import type { Entry } from "../../domain/entry.ts";
import type { EntryId } from "../../domain/entry-id.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Counters } from "../../observe/counters.ts";
import type { Loopback } from "../append/loopback.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { isPermissionError, refusalOf } from "../reply-errors.ts";
import type { RedisEndpoint } from "../resp/address-source.ts";
import { openConnection } from "../resp/connection.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { createScriptSupport } from "../resp/script-support.ts";
import { followServer } from "../resp/server-identity.ts";
import { createContinuity } from "./continuity.ts";
import { createEarlyEchoes } from "./pending-loopback.ts";
import { createReadRetries, isTemporary } from "./read-retries.ts";
import { createReadPace } from "./read-scheduler.ts";
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

/** What a tail needs. */
export interface TailOptions extends TailEvents {
  readonly address: RedisEndpoint;
  readonly logger: Logger;
  /** As of `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly loopback: Loopback;
  readonly onReads: OnTailReads;
  /** The server cannot do what this tail stands on. */
  readonly onUnsupported?: (reason: string) => void;
}

/** Opens a tracking tail. While Redis is away it waits, and then reads on where it was. */
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
    onRefused,
    onUnsupported,
  } = options;
  const positions = new Map<string, EntryId>();
  const early = createEarlyEchoes();
  /** Streams that may have grown since they were read. */
  const changed = new Set<string>();
  /** The streams of the read that is under way, and where it reads them from. */
  let reading: ReadonlyMap<string, EntryId> | undefined;
  const scripts = createScriptSupport(logger);
  const continuity = createContinuity(sizes, scripts.isAllowed);
  const state: ReadState = { positions, sizes, continuity, onRemoval, onAgain: (key) => changed.add(key) };
  const pace = createReadPace(read);
  const retries = createReadRetries((keys) => {
    for (const key of keys) if (positions.has(key)) changed.add(key);
    schedule();
  });

  const server = followServer(() => connection, continuity.serverChanged);
  const connection = openConnection({
    address,
    logger,
    stallMs,
    name: "tail",
    // A read that cannot be sent is not kept: the stream stays marked, and is read when Redis is back.
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

  /** After a flush or a lost connection nothing is known to be armed. */
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
      // An own append, which comes by the echo; and if it was another one, the echo is disturbed.
      if (positions.get(key) === loopback.endOf(key) && !continuity.isEnded(key)) continue;
      // The reply of a read under way is still to come: the change was before that read, which brings it.
      if (reading?.has(key) !== true && positions.has(key)) changed.add(key);
    }
    schedule();
  }

  function schedule(): void {
    if (reading === undefined) pace.schedule(changed.size);
  }

  function read(): void {
    if (!connection.isReady() || reading !== undefined) return;
    const plan = planRead(changed, positions, sizes);
    const { asked } = plan;
    if (asked.size === 0) return;
    pace.noteRead();
    counters.tailReads++;
    reading = asked;
    for (const key of asked.keys()) changed.delete(key);
    connection.transact(readCommands(plan, continuity), (error, replies) => {
      if (reading === asked) reading = undefined;
      const failure = error ?? errorIn(replies);
      if (failure !== undefined) {
        failed(failure, asked);
        return;
      }
      take({ ...plan, replies });
      schedule();
    });
  }

  /** Hands on what was read, and then what follows it without having been read. */
  function take(read: ReadReplies): void {
    const reads = takeReads(read, state);
    if (reads.length > 0) onReads(reads);
    for (const { key } of reads) {
      const position = positions.get(key);
      const entries = position === undefined ? [] : early.following(key, position);
      if (position !== undefined && entries.length > 0) moveOn(key, position, entries);
    }
  }

  /** Takes entries that follow a stream's position without having been read. */
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
        // They follow an entry of another stream than the one that the position belongs to.
        changed.add(key);
        schedule();
        return false;
      }
      if (!early.add(key, after, entries)) {
        // More of them than may wait: then they are read after all.
        changed.add(key);
        schedule();
        return false;
      }
      const isKept = moveOn(key, position, early.following(key, position));
      return isKept || early.has(key);
    },
    disturbed(key) {
      if (!positions.has(key)) return;
      changed.add(key);
      schedule();
    },
  });

  /** Reads each stream by itself after one of them failed the read of all. A stream that fails alone is left out. */
  function failed(error: Error, asked: ReadonlyMap<string, EntryId>): void {
    const isRetried = scripts.isRefused(error);
    if (!connection.isReady() || isRetried) {
      for (const key of asked.keys()) if (positions.has(key)) changed.add(key);
      if (isRetried) schedule();
      return;
    }
    if (asked.size === 1) {
      for (const key of asked.keys()) refuse(key, error);
      schedule();
      return;
    }
    const apart: ReadonlyMap<string, EntryId> = new Map();
    reading = apart;
    let missing = asked.size;
    for (const [key, position] of asked) {
      const plan = { asked: new Map([[key, position]]), count: 1 };
      connection.transact(readCommands(plan, continuity), (refused, replies) => {
        const failure = refused ?? errorIn(replies);
        if (failure === undefined) {
          take({ ...plan, replies });
          if (positions.has(key)) changed.add(key);
        } else if (connection.isReady()) refuse(key, failure);
        else if (positions.has(key)) changed.add(key);
        if (--missing > 0 || reading !== apart) return;
        reading = undefined;
        schedule();
      });
    }
  }

  function refuse(key: string, error: Error): void {
    logger.warn({ key, err: error }, "Redis refuses to read this stream");
    if (isPermissionError(error)) onRefused?.(key, refusalOf(error));
    else if (isTemporary(error)) retries.add(key);
  }

  return {
    noticesRemovals: () => true,
    watch(key, after) {
      loopback.watch(key);
      early.forget(key);
      continuity.forget(key);
      positions.set(key, after);
      counters.tailStreams = positions.size;
      changed.add(key);
      schedule();
    },
    unwatch(key) {
      loopback.unwatch(key);
      early.forget(key);
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
