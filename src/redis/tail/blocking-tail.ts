/**
 * A tail by `XREAD BLOCK` over all its streams, for servers and proxies without `CLIENT TRACKING`. Each wake-up sends
 * every stream's name again, so its cost grows with the streams watched. A change of the set interrupts the read
 * by `CLIENT UNBLOCK` from another connection.
 *
 * A blocking read cannot be part of a transaction. So it only finds out which streams grew, with one entry of each,
 * and a transaction reads those (`continuity.ts`).
 */
import { type EntryId, LAST_ID } from "../../domain/entry-id.ts";
import { entriesByKey } from "../read/entry-decoder.ts";
import { isPermissionError, refusalOf } from "../reply-errors.ts";
import { type Connection, openConnection } from "../resp/connection.ts";
import { ReplyError } from "../resp/reader.ts";
import { createScriptSupport } from "../resp/script-support.ts";
import { followServer } from "../resp/server-identity.ts";
import { createContinuity } from "./continuity.ts";
import { errorIn, planRead, type ReadState, readCommands, type Tail, takeReads } from "./tail.ts";
import type { TailOptions } from "./tracking-tail.ts";

/** How long one read blocks, in ms: it only bounds how long an unnoticed loss of the server lasts. */
const BLOCK_MS = 5000;
/** An UNBLOCK may come before the read it is meant for; then it is tried again after this time (ms). */
const UNBLOCK_RETRY_MS = 5;
/** A stream that Redis refuses to read, such as one of the wrong type, is tried again after this time (ms). */
const REFUSED_PAUSE_MS = 1000;

/** Opens a blocking tail. @param control a connection that is not the tail's own, for `CLIENT UNBLOCK` */
export function openBlockingTail(options: TailOptions & { readonly control: Connection }): Tail {
  const { address, logger, stallMs, sizes, counters, onReads, onRemoval, onRefused, control } = options;
  const positions = new Map<string, EntryId>();
  /** Streams that may have entries past their positions. */
  const grown = new Set<string>();
  const scripts = createScriptSupport(logger);
  const continuity = createContinuity(sizes, scripts.isAllowed);
  const state: ReadState = { positions, sizes, continuity, onRemoval, onAgain: (key) => grown.add(key) };
  /** Streams left out for a while, because they would fail the read of all. */
  const refused = new Set<string>();
  let clientId: number | undefined;
  let reading: ReadonlyMap<string, EntryId> | undefined;
  let scheduled = false;
  let closed = false;

  const server = followServer(() => connection, continuity.serverChanged);
  const connection = openConnection({
    address,
    logger,
    // As long as a read blocks, silence is its answer.
    stallMs: stallMs === undefined ? undefined : stallMs + BLOCK_MS,
    name: "tail",
    waitMs: 0,
    onReady() {
      connection.send(["CLIENT", "ID"], (_error, id) => {
        clientId = typeof id === "number" ? id : undefined;
      });
      server.check();
      schedule();
    },
    onLost() {
      counters.redisReconnects++;
      reading = undefined;
      clientId = undefined;
    },
  });

  function schedule(): void {
    if (scheduled || reading !== undefined || closed) return;
    scheduled = true;
    setImmediate(read);
  }

  function read(): void {
    scheduled = false;
    if (!connection.isReady() || reading !== undefined || positions.size === 0 || closed) return;
    const asked = new Map(positions);
    for (const key of refused) asked.delete(key);
    if (asked.size === 0) return;
    reading = asked;
    // Streams that are new here are read first, so that a later deletion is noticed.
    for (const key of asked.keys()) if (!continuity.knows(key)) grown.add(key);
    if (grown.size > 0) {
      readGrown(asked);
      return;
    }
    counters.tailReads++;
    const streams = [...asked.keys(), ...asked.values()];
    connection.send(["XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", ...streams], (error, reply) => {
      if (error !== undefined) {
        finish(asked);
        if (connection.isReady()) setAside([...asked.keys()], error);
        return;
      }
      for (const [key] of entriesByKey(reply)) grown.add(key);
      readGrown(asked);
    });
  }

  /** Reads the streams that grew until none of them has more. @param asked the read that this belongs to */
  function readGrown(asked: ReadonlyMap<string, EntryId>): void {
    for (const key of refused) grown.delete(key);
    const plan = planRead(grown, positions, sizes);
    if (plan.asked.size === 0) grown.clear();
    if (plan.asked.size === 0 || reading !== asked) {
      finish(asked);
      schedule();
      return;
    }
    for (const key of plan.asked.keys()) grown.delete(key);
    counters.tailReads++;
    connection.transact(readCommands(plan, continuity), (error, replies) => {
      const failure = error ?? errorIn(replies);
      if (failure === undefined) {
        const reads = takeReads({ ...plan, replies }, state);
        if (reads.length > 0) onReads(reads);
        readGrown(asked);
        return;
      }
      finish(asked);
      const isRetried = scripts.isRefused(failure);
      for (const key of plan.asked.keys()) grown.add(key);
      if (isRetried) schedule();
      else if (connection.isReady()) setAside([...plan.asked.keys()], failure);
    });
  }

  function finish(asked: ReadonlyMap<string, EntryId>): void {
    if (reading === asked) reading = undefined;
  }

  /** Finds out which stream failed the read of all, and reads on without it for a while. */
  function setAside(keys: readonly string[], reason: Error): void {
    let missing = keys.length;
    for (const key of keys) {
      const plan = { asked: new Map([[key, LAST_ID]]), count: 1 };
      connection.transact(readCommands(plan, continuity), (error, replies) => {
        const failure = error ?? errorIn(replies);
        if (failure instanceof ReplyError) {
          logger.warn({ key, err: failure }, "Redis refuses to read this stream");
          refused.add(key);
          if (isPermissionError(failure)) onRefused?.(key, refusalOf(failure));
        }
        if (--missing > 0) return;
        if (refused.size > 0) schedule();
        else logger.warn({ err: reason }, "Redis refuses to read the live streams");
        setTimeout(() => {
          refused.clear();
          interrupt();
        }, REFUSED_PAUSE_MS);
      });
    }
  }

  /** Makes the read that is under way return, so that the next one has the changed set. */
  function interrupt(): void {
    const interrupted = reading;
    if (interrupted === undefined || clientId === undefined) {
      schedule();
      return;
    }
    control.send(["CLIENT", "UNBLOCK", clientId], (_error, unblocked) => {
      if (unblocked !== 1 && reading === interrupted && !closed) setTimeout(interrupt, UNBLOCK_RETRY_MS);
    });
  }

  return {
    noticesRemovals: () => false,
    watch(key, after) {
      continuity.forget(key);
      positions.set(key, after);
      counters.tailStreams = positions.size;
      interrupt();
    },
    unwatch(key) {
      positions.delete(key);
      grown.delete(key);
      continuity.forget(key);
      counters.tailStreams = positions.size;
    },
    close() {
      closed = true;
      connection.close();
    },
  };
}
