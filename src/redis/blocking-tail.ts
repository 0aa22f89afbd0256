/**
 * A tail by `XREAD BLOCK` over all its streams, for servers and proxies without `CLIENT TRACKING`. Each wake-up sends
 * every stream's name again, so its cost grows with the streams watched. A change of the set interrupts the read
 * by `CLIENT UNBLOCK` from another connection.
 */
import type { EntryId } from "../domain/entry-id.ts";
import { type Connection, openConnection } from "./connection.ts";
import { ReplyError } from "./resp-reader.ts";
import { advance, handOn, planRead, type Tail } from "./tail.ts";
import type { TailOptions } from "./tracking-tail.ts";

/** How long one read blocks, in ms: it only bounds how long an unnoticed loss of the server lasts. */
const BLOCK_MS = 5000;
/** An UNBLOCK may come before the read it is meant for; then it is tried again after this time (ms). */
const UNBLOCK_RETRY_MS = 5;
/** A stream that Redis refuses to read, such as one of the wrong type, is tried again after this time (ms). */
const REFUSED_PAUSE_MS = 1000;

/** Opens a blocking tail. @param control a connection that is not the tail's own, for `CLIENT UNBLOCK` */
export function openBlockingTail(options: TailOptions & { readonly control: Connection }): Tail {
  const { address, logger, silenceMs, sizes, tally, onReads, control } = options;
  const positions = new Map<string, EntryId>();
  /** Streams left out for a while, because they would fail the read of all. */
  const refused = new Set<string>();
  let clientId: number | undefined;
  let reading: ReadonlyMap<string, EntryId> | undefined;
  let scheduled = false;
  let closed = false;

  const connection = openConnection({
    address,
    logger,
    // As long as a read blocks, silence is its answer.
    silenceMs: silenceMs === undefined ? undefined : silenceMs + BLOCK_MS,
    name: "tail",
    waitMs: 0,
    onReady() {
      connection.send(["CLIENT", "ID"], (_error, id) => {
        clientId = typeof id === "number" ? id : undefined;
      });
      schedule();
    },
    onLost() {
      tally.redisReconnects++;
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
    // Blocked on are all streams; COUNT is what their sizes allow for, and 1 at least.
    const { count } = planRead(asked.keys(), asked, sizes);
    const perStream = Math.max(1, Math.floor(count / Math.ceil(asked.size / 64)));
    reading = asked;
    tally.tailReads++;
    const streams = [...asked.keys(), ...asked.values()];
    connection.send(
      ["XREAD", "COUNT", perStream, "BLOCK", BLOCK_MS, "STREAMS", ...streams],
      (error, reply) => {
        if (reading === asked) reading = undefined;
        if (error === undefined) {
          const reads = advance(reply, asked, positions, sizes);
          // Most reads here are of one entry, and too many to ask about each.
          const suspects = reads.filter(({ entries }) => entries.length > 1);
          handOn(reads, suspects, positions, connection, (wanted) => wanted.length > 0 && onReads(wanted));
          schedule();
        } else if (connection.isReady()) setAside([...asked.keys()], error);
      },
    );
  }

  /** One stream fails the read of all: finds out which, and goes on without it for a while. */
  function setAside(keys: readonly string[], reason: Error): void {
    let missing = keys.length;
    for (const key of keys) {
      connection.send(["XLEN", key], (error) => {
        if (error instanceof ReplyError) {
          logger.warn({ key, err: error }, "Redis refuses to read this stream");
          refused.add(key);
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
    watch(key, after) {
      positions.set(key, after);
      tally.tailStreams = positions.size;
      interrupt();
    },
    unwatch(key) {
      positions.delete(key);
      tally.tailStreams = positions.size;
    },
    close() {
      closed = true;
      connection.close();
    },
  };
}
