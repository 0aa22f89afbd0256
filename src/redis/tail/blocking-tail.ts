/**
 * Blocking tail: `XREAD BLOCK` over all its streams, for servers and proxies without `CLIENT TRACKING`. Each wake-up sends
 * every stream's key again, so its cost grows with the number of watched streams. When the set changes, `CLIENT UNBLOCK`
 * from another connection interrupts the read.
 *
 * A blocking read cannot be part of a transaction. It therefore only detects which streams grew, with one entry of each;
 * a transaction then reads those streams (`continuity.ts`).
 */
import { type EntryId, LAST_ID } from "../../domain/entry-id.ts";
import { entriesByKey } from "../read/entry-decoder.ts";
import { gatewayErrorOf, isPermissionError } from "../reply-errors.ts";
import { Connection } from "../resp/connection.ts";
import { ReplyError } from "../resp/reader.ts";
import { createScriptSupport } from "../resp/script-support.ts";
import { followServer } from "../resp/server-identity.ts";
import { createContinuity } from "./continuity.ts";
import { errorIn, planRead, type ReadState, readCommands, type Tail, takeReads } from "./tail.ts";
import type { TailOptions } from "./tracking-tail.ts";

/** Time (ms) that one read blocks. It only bounds how long a lost server stays undetected. */
const BLOCK_MS = 5000;
/** Time (ms) before another UNBLOCK, because one may arrive before the read it should interrupt. */
const UNBLOCK_RETRY_MS = 5;
/** Time (ms) before a rejected stream, such as a key of another type, is read again. */
const REJECTED_PAUSE_MS = 1000;

/** Opens a blocking tail. @param control another connection, for `CLIENT UNBLOCK` */
export function openBlockingTail(options: TailOptions & { readonly control: Connection }): Tail {
  const { address, logger, stallMs, sizes, counters, onReads, onRemoval, onForbidden, control } = options;
  const positions = new Map<string, EntryId>();
  /** Streams that may have entries past their positions. */
  const grown = new Set<string>();
  const scripts = createScriptSupport(logger);
  const continuity = createContinuity(sizes, scripts.isAllowed);
  const state: ReadState = { positions, sizes, continuity, onRemoval, onAgain: (key) => grown.add(key) };
  /** Streams that are skipped for a while, because they would fail the read of all. */
  const rejected = new Set<string>();
  let clientId: number | undefined;
  let reading: ReadonlyMap<string, EntryId> | undefined;
  let scheduled = false;
  let closed = false;

  const server = followServer(() => connection, continuity.serverChanged);
  const connection = new Connection({
    address,
    logger,
    // A blocking read legitimately receives no data for this long.
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
    const batch = new Map(positions);
    for (const key of rejected) batch.delete(key);
    if (batch.size === 0) return;
    reading = batch;
    // New streams are read first, so that a later deletion is detected.
    for (const key of batch.keys()) if (!continuity.knows(key)) grown.add(key);
    if (grown.size > 0) {
      readGrown(batch);
      return;
    }
    counters.tailReads++;
    const streams = [...batch.keys(), ...batch.values()];
    connection.send(["XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", ...streams], (error, reply) => {
      if (error !== undefined) {
        finish(batch);
        if (connection.isReady()) setAside([...batch.keys()], error);
        return;
      }
      for (const [key] of entriesByKey(reply)) grown.add(key);
      readGrown(batch);
    });
  }

  /** Reads the streams that grew until none has more. @param batch the blocking read to which this belongs */
  function readGrown(batch: ReadonlyMap<string, EntryId>): void {
    for (const key of rejected) grown.delete(key);
    const plan = planRead(grown, positions, sizes);
    if (plan.from.size === 0) grown.clear();
    if (plan.from.size === 0 || reading !== batch) {
      finish(batch);
      schedule();
      return;
    }
    for (const key of plan.from.keys()) grown.delete(key);
    counters.tailReads++;
    connection.transact(readCommands(plan, continuity), (error, replies) => {
      const failure = error ?? errorIn(replies);
      if (failure === undefined) {
        const reads = takeReads({ ...plan, replies }, state);
        if (reads.length > 0) onReads(reads);
        readGrown(batch);
        return;
      }
      finish(batch);
      const isRetried = scripts.isForbidden(failure);
      for (const key of plan.from.keys()) grown.add(key);
      if (isRetried) schedule();
      else if (connection.isReady()) setAside([...plan.from.keys()], failure);
    });
  }

  function finish(batch: ReadonlyMap<string, EntryId>): void {
    if (reading === batch) reading = undefined;
  }

  /** Detects which stream failed the read of all, and continues without it for a while. */
  function setAside(keys: readonly string[], reason: Error): void {
    let missing = keys.length;
    for (const key of keys) {
      const plan = { from: new Map([[key, LAST_ID]]), count: 1 };
      connection.transact(readCommands(plan, continuity), (error, replies) => {
        const failure = error ?? errorIn(replies);
        if (failure instanceof ReplyError) {
          logger.warn({ key, err: failure }, "Redis rejected reading this stream");
          rejected.add(key);
          if (isPermissionError(failure)) onForbidden?.(key, gatewayErrorOf(failure));
        }
        if (--missing > 0) return;
        if (rejected.size > 0) schedule();
        else logger.warn({ err: reason }, "Redis rejected reading the live streams");
        setTimeout(() => {
          rejected.clear();
          interrupt();
        }, REJECTED_PAUSE_MS);
      });
    }
  }

  /** Makes the current read return, so that the next one uses the changed set. */
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
