/**
 * Cluster tail: `CLIENT TRACKING` on a connection to each node, as in `tracking-tail.ts`. Streams have different slots, so
 * each is read by a command of its own, all of one node at once. The router directs each read to the node that owns the
 * stream, and that same read arms the tracking.
 *
 * Moved slots cause no invalidation. They are detected in the slot map: a stream whose slot has another owner is read
 * there from its position, even if it does not exist yet. A stream that was read at the importing node of a migration
 * (`ASK`) is read again at each map refresh, because no message reports the end of the migration.
 */
import type { EntryId } from "../../domain/entry-id.ts";
import type { Logger } from "../../domain/logger.ts";
import type { Counters } from "../../observe/counters.ts";
import { ClusterRouter } from "../cluster/router.ts";
import type { ClusterNode } from "../cluster/slot-map.ts";
import type { Topology } from "../cluster/topology.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { gatewayErrorOf, isPermissionError } from "../reply-errors.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { createScriptSupport } from "../resp/script-support.ts";
import { createContinuity } from "./continuity.ts";
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
  type TailRead,
  takeReads,
} from "./tail.ts";

/** Options of a cluster tail. */
export interface ClusterTailOptions extends TailEvents {
  readonly topology: Topology;
  readonly logger: Logger;
  /** See `ConnectionOptions`. */
  readonly stallMs?: number | undefined;
  readonly sizes: EntrySizes;
  readonly counters: Counters;
  readonly onReads: OnTailReads;
}

/** Time (ms) that a read waits for a node. After that its stream stays marked and is read when a node is ready. */
const READ_WAIT_MS = 1000;

/** Opens the tail. */
export function openClusterTail(options: ClusterTailOptions): Tail {
  const { topology, logger, stallMs, sizes, counters, onReads, onRemoval, onForbidden } = options;
  const positions = new Map<string, EntryId>();
  /** Streams that may have grown since their last read. */
  const changed = new Set<string>();
  /** Node of the last read of each stream. */
  const readAt = new Map<string, ClusterNode | undefined>();
  /** Streams that were read at the importing node of a slot migration. */
  const importing = new Set<string>();
  /** Streams with a read in flight. */
  const busy = new Set<string>();
  /** Reads in flight by node: a node that hangs delays no other. */
  const inFlight = new Map<ClusterNode | undefined, number>();
  const scripts = createScriptSupport(logger);
  const continuity = createContinuity(sizes, scripts.isAllowed);
  const state: ReadState = { positions, sizes, continuity, onRemoval, onAgain: (key) => changed.add(key) };
  const scheduler = createReadScheduler(read);
  const retries = createReadRetries((keys) => {
    for (const key of keys) mark(key);
    schedule();
  });
  let arrived: TailRead[] = [];

  const router: ClusterRouter = new ClusterRouter({
    topology,
    logger,
    name: "tail",
    waitMs: READ_WAIT_MS,
    stallMs,
    setup: ["CLIENT", "TRACKING", "ON"],
    onPush,
    onNodeReady(node) {
      for (const key of positions.keys()) if (router.nodeOf(key) === node) changed.add(key);
      schedule();
    },
    onNodeLost() {
      counters.redisReconnects++;
    },
    onAskRedirect: (key) => importing.add(key),
  });

  function onPush([kind, keys]: Reply[]): void {
    if (String(kind) !== "invalidate") return;
    // A node was flushed: reading all streams costs less than keeping track of whose they are.
    if (!Array.isArray(keys)) for (const key of positions.keys()) changed.add(key);
    else for (const bytes of keys) mark(String(bytes));
    schedule();
  }

  function mark(key: string): void {
    if (positions.has(key)) changed.add(key);
  }

  function onTopologyChange(): void {
    for (const key of positions.keys())
      if (readAt.has(key) && router.nodeOf(key) !== readAt.get(key)) changed.add(key);
    for (const key of importing) mark(key);
    importing.clear();
    schedule();
  }

  function schedule(): void {
    scheduler.schedule(changed.size);
  }

  function read(): void {
    const byNode = new Map<ClusterNode | undefined, string[]>();
    for (const key of changed) {
      if (!positions.has(key)) changed.delete(key);
      const node = router.nodeOf(key);
      if (busy.has(key) || inFlight.has(node)) continue;
      const keys = byNode.get(node);
      if (keys === undefined) byNode.set(node, [key]);
      else keys.push(key);
    }
    for (const [node, keys] of byNode) readFrom(node, keys);
  }

  function readFrom(node: ClusterNode | undefined, keys: readonly string[]): void {
    const { from: plan, count } = planRead(keys, positions, sizes);
    if (plan.size === 0) return;
    scheduler.noteRead();
    counters.tailReads++;
    inFlight.set(node, plan.size);
    for (const [key, position] of plan) {
      changed.delete(key);
      busy.add(key);
      if (readAt.has(key) && readAt.get(key) !== node) continuity.serverChanged(key);
      readAt.set(key, node);
      const one = { from: new Map([[key, position]]), count };
      router.transact(readCommands(one, continuity), (error, replies) => {
        const missing = (inFlight.get(node) ?? 1) - 1;
        if (missing === 0) inFlight.delete(node);
        else inFlight.set(node, missing);
        busy.delete(key);
        const failure = error ?? errorIn(replies);
        if (failure === undefined) take({ ...one, replies });
        else failed(key, failure);
        // A failed read is repeated when a node is ready or the map changes, not at once.
        if (failure === undefined || failure instanceof ReplyError) schedule();
      });
    }
  }

  function failed(key: string, error: Error): void {
    if (!(error instanceof ReplyError) || scripts.isForbidden(error)) {
      mark(key);
      return;
    }
    logger.warn({ key, err: error }, "Redis rejected reading this stream");
    if (isPermissionError(error)) onForbidden?.(key, gatewayErrorOf(error));
    else if (isTemporary(error)) retries.add(key);
  }

  function take(read: ReadReplies): void {
    const reads = takeReads(read, state);
    if (reads.length === 0) return;
    // Together with the entries that arrive in the same chunk.
    if (arrived.length === 0) queueMicrotask(deliver);
    arrived.push(...reads);
  }

  function deliver(): void {
    // A stream may have been unwatched or moved in the meantime.
    const reads = arrived.filter(
      ({ key, entries }) => positions.get(key) === entries[entries.length - 1]?.id,
    );
    arrived = [];
    if (reads.length > 0) onReads(reads);
  }

  const stopWatching = topology.watch(onTopologyChange);
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
