/**
 * A tail by `CLIENT TRACKING` (RESP3): reading a stream arms it, and its next change is told by an invalidation, upon
 * which just the changed streams are read, which arms them again. No wake-up is lost, because it is the read that
 * arms, and the cost is that of the changes, not of the streams watched.
 *
 * What this gateway appends itself comes by the echo instead (`echo.ts`). A stream whose last entry came that way is not
 * read, nor armed, until the echo says that somebody else has changed it.
 */
import type { Entry } from "../domain/entry.ts";
import type { EntryId } from "../domain/entry-id.ts";
import type { Logger } from "../domain/logger.ts";
import type { Tally } from "../domain/tally.ts";
import { openConnection } from "./connection.ts";
import { createEarlyEchoes } from "./early-echoes.ts";
import type { Echo } from "./echo.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import { createReadPace } from "./read-pace.ts";
import { createRemovalWatch } from "./removal-watch.ts";
import { type Reply, ReplyError } from "./resp-reader.ts";
import type { RedisPlace } from "./source.ts";
import {
  advance,
  handOn,
  type OnTailReads,
  type OnTailRemoval,
  planRead,
  type Tail,
  type TailRead,
} from "./tail.ts";

/** What a tail needs. */
export interface TailOptions {
  readonly address: RedisPlace;
  readonly logger: Logger;
  /** As of `ConnectionOptions`. */
  readonly silenceMs?: number | undefined;
  readonly sizes: EntrySizes;
  readonly tally: Tally;
  readonly echo: Echo;
  readonly onReads: OnTailReads;
  /** Told where the tail can know it. */
  readonly onRemoval?: OnTailRemoval | undefined;
  /** The server cannot do what this tail stands on. */
  readonly onUnsupported?: (reason: string) => void;
}

/** Opens a tracking tail. While Redis is away it waits, and then reads on where it was. */
export function openTrackingTail(options: TailOptions): Tail {
  const { address, logger, silenceMs, sizes, tally, echo, onReads, onRemoval, onUnsupported } = options;
  const positions = new Map<string, EntryId>();
  const early = createEarlyEchoes();
  /** Streams whose read has come and is not handed on yet: until then nothing may be handed on that follows it. */
  const handing = new Set<string>();
  /** Streams that may have grown since they were read. */
  const changed = new Set<string>();
  /** The streams of the read that is under way, and where it reads them from. */
  let reading: ReadonlyMap<string, EntryId> | undefined;
  /** Those of them that changed after their lengths were asked for. */
  const overtaken = new Set<string>();
  const removals = createRemovalWatch(onRemoval);
  const pace = createReadPace(read);

  const connection = openConnection({
    address,
    logger,
    silenceMs,
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
      readAll();
    },
    onLost() {
      tally.redisReconnects++;
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
      if (positions.get(key) === echo.endOf(key)) continue;
      // Told before the reply of a read that is under way: it changed before that read, which brings it, if not cut.
      if (reading?.has(key) === true) overtaken.add(key);
      else if (positions.has(key)) changed.add(key);
    }
    schedule();
  }

  function schedule(): void {
    if (reading === undefined) pace.schedule(changed.size);
  }

  function read(): void {
    if (!connection.isReady() || reading !== undefined) return;
    const { asked, count } = planRead(changed, positions, sizes);
    if (asked.size === 0) return;
    pace.noteRead();
    tally.tailReads++;
    reading = asked;
    overtaken.clear();
    for (const key of asked.keys()) changed.delete(key);
    const lengths = askForLengths(asked);
    const command = ["XREAD", "COUNT", count, "STREAMS", ...asked.keys(), ...asked.values()];
    connection.send(command, (error, reply) => {
      if (reading === asked) reading = undefined;
      if (error !== undefined) {
        failed(error, asked);
        return;
      }
      // What was moved on meanwhile, by an echo, is left out of the read, which may have brought more than that.
      for (const [key, position] of asked)
        if (positions.has(key) && positions.get(key) !== position) changed.add(key);
      const reads = advance(reply, asked, positions, sizes);
      const suspects = reads.filter(({ key, entries }) => {
        const length = lengths.get(key) ?? Number.POSITIVE_INFINITY;
        const isCut = entries.length >= count && (length > count || overtaken.has(key));
        // As many as asked for: there may be more.
        if (isCut) changed.add(key);
        return isCut || length <= entries.length;
      });
      for (const [key, length] of lengths)
        if (positions.has(key)) removals.note(key, length, positions.get(key) !== asked.get(key));
      handOnThenEchoes(reads, suspects);
      schedule();
    });
  }

  function handOnThenEchoes(reads: readonly TailRead[], suspects: readonly TailRead[]): void {
    for (const { key } of reads) handing.add(key);
    handOn(reads, suspects, positions, connection, (wanted) => {
      for (const { key } of reads) handing.delete(key);
      if (wanted.length > 0) onReads(wanted);
      for (const { key } of reads) {
        const position = positions.get(key);
        const entries = position === undefined ? [] : early.following(key, position);
        if (position !== undefined && entries.length > 0) moveOn(key, position, entries);
      }
    });
  }

  /** Takes entries that follow a stream's position without having been read. */
  function moveOn(key: string, position: EntryId, entries: readonly Entry[]): boolean {
    const last = entries[entries.length - 1];
    if (last === undefined) return false;
    sizes.learn(key, entries);
    positions.set(key, last.id);
    removals.grow(key, entries.length);
    return onReads([{ key, after: position, entries, hasGap: false }]);
  }

  echo.listen({
    echoed(key, after, entries) {
      const position = positions.get(key);
      if (position === undefined) return false;
      if (!early.add(key, after, entries)) {
        // More of them than may wait: then they are read after all.
        changed.add(key);
        schedule();
        return false;
      }
      if (handing.has(key)) return true;
      const isKept = moveOn(key, position, early.following(key, position));
      return isKept || early.has(key);
    },
    disturbed(key) {
      if (!positions.has(key)) return;
      changed.add(key);
      schedule();
    },
  });

  /**
   * Asks, right before the read and in the same write, how long the streams are: one that is no longer than what is
   * read of it may have been trimmed past its position.
   */
  function askForLengths(asked: ReadonlyMap<string, EntryId>): ReadonlyMap<string, number> {
    const lengths = new Map<string, number>();
    for (const key of asked.keys()) {
      connection.send(["XLEN", key], (_error, length) => {
        if (typeof length === "number") lengths.set(key, length);
      });
    }
    return lengths;
  }

  /** One stream of the wrong type fails the read of all: each is then read alone, and the bad one left unread. */
  function failed(error: Error, asked: ReadonlyMap<string, EntryId>): void {
    if (!connection.isReady()) {
      for (const key of asked.keys()) if (positions.has(key)) changed.add(key);
      return;
    }
    if (asked.size === 1) {
      logger.warn({ keys: [...asked.keys()], err: error }, "Redis refuses to read this stream");
      schedule();
      return;
    }
    const apart: ReadonlyMap<string, EntryId> = new Map();
    reading = apart;
    let missing = asked.size;
    for (const [key, position] of asked) {
      connection.send(["XREAD", "COUNT", 1, "STREAMS", key, position], (refused, reply) => {
        if (refused === undefined) {
          handOnThenEchoes(advance(reply, asked, positions, sizes), []);
          if (positions.has(key)) changed.add(key);
        } else logger.warn({ key, err: refused }, "Redis refuses to read this stream");
        if (--missing > 0 || reading !== apart) return;
        reading = undefined;
        schedule();
      });
    }
  }

  return {
    watch(key, after) {
      echo.watch(key);
      early.forget(key);
      positions.set(key, after);
      tally.tailStreams = positions.size;
      changed.add(key);
      schedule();
    },
    unwatch(key) {
      echo.unwatch(key);
      early.forget(key);
      positions.delete(key);
      removals.forget(key);
      changed.delete(key);
      tally.tailStreams = positions.size;
    },
    close() {
      echo.listen(undefined);
      connection.close();
    },
  };
}
