/**
 * The tail of a cluster: `CLIENT TRACKING` on a connection to each node, as `tracking-tail.ts` does on one. Streams have
 * different slots, so each is read by a command of its own, all of a node's at once; and the router leads each read to
 * the node that has the stream, where the very same read arms it.
 *
 * What no node tells of is looked for in the map: a stream whose slot is another node's now is read there from where it
 * was, also one that does not exist yet. A stream that was read at the node that takes its slot over just now is
 * read again at every look, since nobody tells where that ends.
 */
import type { EntryId } from "../../domain/entry-id.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Counters } from "../../observe/counters.ts";
import { type ClusterRouter, openClusterRouter } from "../cluster/router.ts";
import type { ClusterMap, ClusterNode } from "../cluster/topology.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { isPermissionError, refusalOf } from "../reply-errors.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { createScriptSupport } from "../resp/script-support.ts";
import { createContinuity } from "./continuity.ts";
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
  type TailRead,
  takeReads,
} from "./tail.ts";

/** What a cluster's tail needs. */
export interface ClusterTailOptions extends TailEvents {
  readonly map: ClusterMap;
  readonly logger: Logger;
  /** As of `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly onReads: OnTailReads;
}

/** How long a read waits for a node, in ms. Its stream stays marked, and is read when there is one. */
const READ_WAIT_MS = 1000;

/** Opens the tail. */
export function openClusterTail(options: ClusterTailOptions): Tail {
  const { map, logger, stallMs, sizes, counters, onReads, onRemoval, onRefused } = options;
  const positions = new Map<string, EntryId>();
  /** Streams that may have grown since they were read. */
  const changed = new Set<string>();
  /** Where each stream was read last. */
  const readAt = new Map<string, ClusterNode | undefined>();
  /** Streams that were read at a node that does not have their slot yet. */
  const asked = new Set<string>();
  /** Streams whose read is under way. */
  const busy = new Set<string>();
  /** Reads under way by node: one that hangs holds up no other. */
  const underWay = new Map<ClusterNode | undefined, number>();
  const scripts = createScriptSupport(logger);
  const continuity = createContinuity(sizes, scripts.isAllowed);
  const state: ReadState = { positions, sizes, continuity, onRemoval, onAgain: (key) => changed.add(key) };
  const pace = createReadPace(read);
  const retries = createReadRetries((keys) => {
    for (const key of keys) mark(key);
    schedule();
  });
  let arrived: TailRead[] = [];

  const router: ClusterRouter = openClusterRouter({
    map,
    logger,
    name: "tail",
    waitMs: READ_WAIT_MS,
    stallMs,
    greeting: ["CLIENT", "TRACKING", "ON"],
    onPush,
    onNodeReady(node) {
      for (const key of positions.keys()) if (router.placeOf(key) === node) changed.add(key);
      schedule();
    },
    onNodeLost() {
      counters.redisReconnects++;
    },
    onAsked: (key) => asked.add(key),
  });

  function onPush([kind, keys]: Reply[]): void {
    if (String(kind) !== "invalidate") return;
    // A flush, of one node: what is read in vain costs less than to know whose.
    if (!Array.isArray(keys)) for (const key of positions.keys()) changed.add(key);
    else for (const bytes of keys) mark(String(bytes));
    schedule();
  }

  function mark(key: string): void {
    if (positions.has(key)) changed.add(key);
  }

  function mapTold(): void {
    for (const key of positions.keys())
      if (readAt.has(key) && router.placeOf(key) !== readAt.get(key)) changed.add(key);
    for (const key of asked) mark(key);
    asked.clear();
    schedule();
  }

  function schedule(): void {
    pace.schedule(changed.size);
  }

  function read(): void {
    const byNode = new Map<ClusterNode | undefined, string[]>();
    for (const key of changed) {
      if (!positions.has(key)) changed.delete(key);
      const node = router.placeOf(key);
      if (busy.has(key) || underWay.has(node)) continue;
      const keys = byNode.get(node);
      if (keys === undefined) byNode.set(node, [key]);
      else keys.push(key);
    }
    for (const [node, keys] of byNode) readFrom(node, keys);
  }

  function readFrom(node: ClusterNode | undefined, keys: readonly string[]): void {
    const { asked: plan, count } = planRead(keys, positions, sizes);
    if (plan.size === 0) return;
    pace.noteRead();
    counters.tailReads++;
    underWay.set(node, plan.size);
    for (const [key, position] of plan) {
      changed.delete(key);
      busy.add(key);
      if (readAt.has(key) && readAt.get(key) !== node) continuity.serverChanged(key);
      readAt.set(key, node);
      const one = { asked: new Map([[key, position]]), count };
      router.transact(readCommands(one, continuity), (error, replies) => {
        const missing = (underWay.get(node) ?? 1) - 1;
        if (missing === 0) underWay.delete(node);
        else underWay.set(node, missing);
        busy.delete(key);
        const failure = error ?? errorIn(replies);
        if (failure === undefined) take({ ...one, replies });
        else failed(key, failure);
        // What could not be read is tried again when a node is there or the map changes: not at once, and so in vain.
        if (failure === undefined || failure instanceof ReplyError) schedule();
      });
    }
  }

  function failed(key: string, error: Error): void {
    if (!(error instanceof ReplyError) || scripts.isRefused(error)) {
      mark(key);
      return;
    }
    logger.warn({ key, err: error }, "Redis refuses to read this stream");
    if (isPermissionError(error)) onRefused?.(key, refusalOf(error));
    else if (isTemporary(error)) retries.add(key);
  }

  function take(read: ReadReplies): void {
    const reads = takeReads(read, state);
    if (reads.length === 0) return;
    // With what else arrives in the same chunk.
    if (arrived.length === 0) queueMicrotask(handOver);
    arrived.push(...reads);
  }

  function handOver(): void {
    // Meanwhile a stream may have been unwatched or moved.
    const reads = arrived.filter(
      ({ key, entries }) => positions.get(key) === entries[entries.length - 1]?.id,
    );
    arrived = [];
    if (reads.length > 0) onReads(reads);
  }

  const stopWatching = map.watch(mapTold);
  return {
    noticesRemovals: () => true,
    watch(key, after) {
      continuity.forget(key);
      positions.set(key, after);
      counters.tailStreams = positions.size;
      changed.add(key);
      schedule();
    },
    unwatch(key) {
      positions.delete(key);
      changed.delete(key);
      readAt.delete(key);
      continuity.forget(key);
      counters.tailStreams = positions.size;
    },
    close() {
      stopWatching();
      retries.close();
      router.close();
    },
  };
}
