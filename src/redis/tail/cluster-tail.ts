/**
 * Cluster tail: `CLIENT TRACKING` on a connection to each node, as in `tracking-tail.ts`. Streams have different slots, so
 * each is read by a command of its own, all of one node at once. The router directs each read to the node that owns the
 * stream, and that same read arms the tracking.
 *
 * Moved slots cause no invalidation. They are detected in the slot map: a stream whose slot has another owner is read
 * there from its position, even if it does not exist yet. A stream that was read at the importing node of a migration
 * (`ASK`) is read again at each map refresh, because no message reports the end of the migration.
 */

import type { Logger } from "../../domain/logger.ts";
import type { EntryId } from "../../domain/streams/entry-id.ts";
import type { Counters } from "../../observe/counters.ts";
import { ClusterRouter } from "../cluster/router.ts";
import type { ClusterNode } from "../cluster/slot-map.ts";
import type { Topology } from "../cluster/topology.ts";
import type { EntrySizes } from "../read/entry-sizes.ts";
import { type Reply, ReplyError } from "../resp/reader.ts";
import { createReadRetries, isTemporary } from "./read-retries.ts";
import { createReadScheduler } from "./read-scheduler.ts";
import type { OnTailReads, Tail, TailEvents, TailRead } from "./tail.ts";
import { errorIn, WatchedStreams } from "./watched-streams.ts";

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

/** Tail of a cluster. */
export class ClusterTail implements Tail {
  readonly #options: ClusterTailOptions;
  readonly #streams: WatchedStreams;
  readonly #router: ClusterRouter;
  readonly #stopWatching: () => void;
  readonly #scheduler = createReadScheduler(() => this.#read());
  readonly #retries = createReadRetries((keys) => {
    for (const key of keys) this.#streams.mark(key);
    this.#schedule();
  });
  /** Node of the last read of each stream. */
  readonly #readAt = new Map<string, ClusterNode | undefined>();
  /** Streams that were read at the importing node of a slot migration. */
  readonly #importing = new Set<string>();
  /** Streams with a read in flight. */
  readonly #busy = new Set<string>();
  /** Reads in flight by node: a node that hangs delays no other. */
  readonly #inFlight = new Map<ClusterNode | undefined, number>();
  /** Reads to be delivered at the end of this chunk. */
  #arrived: TailRead[] = [];

  constructor(options: ClusterTailOptions) {
    const { topology, logger, stallMs, counters } = options;
    this.#options = options;
    this.#streams = new WatchedStreams(options);
    this.#router = new ClusterRouter({
      topology,
      logger,
      name: "tail",
      waitMs: READ_WAIT_MS,
      stallMs,
      setup: ["CLIENT", "TRACKING", "ON"],
      onPush: (message) => this.#onPush(message),
      onNodeReady: (node) => this.#onNodeReady(node),
      onNodeLost() {
        counters.redisReconnects++;
      },
      onAskRedirect: (key) => this.#importing.add(key),
    });
    this.#stopWatching = topology.watch(() => this.#onTopologyChange());
  }

  noticesRemovals(): boolean {
    return true;
  }

  watch(key: string, after: EntryId, isRead = false): void {
    this.#streams.watch(key, after, isRead);
    this.#schedule();
  }

  unwatch(key: string): void {
    this.#streams.unwatch(key);
    this.#readAt.delete(key);
  }

  close(): void {
    this.#stopWatching();
    this.#retries.close();
    this.#router.close();
  }

  #onPush([kind, keys]: Reply[]): void {
    if (String(kind) !== "invalidate") return;
    // A node was flushed: reading all streams costs less than keeping track of whose they are.
    if (!Array.isArray(keys)) this.#streams.markAll();
    else for (const bytes of keys) this.#streams.mark(String(bytes));
    this.#schedule();
  }

  #onNodeReady(node: ClusterNode): void {
    for (const key of this.#streams.positions.keys())
      if (this.#router.nodeOf(key) === node) this.#streams.mark(key);
    this.#schedule();
  }

  #onTopologyChange(): void {
    for (const key of this.#streams.positions.keys())
      if (this.#readAt.has(key) && this.#router.nodeOf(key) !== this.#readAt.get(key))
        this.#streams.mark(key);
    for (const key of this.#importing) this.#streams.mark(key);
    this.#importing.clear();
    this.#schedule();
  }

  #schedule(): void {
    this.#scheduler.schedule(this.#streams.changed.size);
  }

  #read(): void {
    const byNode = new Map<ClusterNode | undefined, string[]>();
    for (const key of this.#streams.changed) {
      const node = this.#router.nodeOf(key);
      if (this.#busy.has(key) || this.#inFlight.has(node)) continue;
      const keys = byNode.get(node);
      if (keys === undefined) byNode.set(node, [key]);
      else keys.push(key);
    }
    for (const [node, keys] of byNode) this.#readFrom(node, keys);
  }

  #readFrom(node: ClusterNode | undefined, keys: readonly string[]): void {
    const { from, count } = this.#streams.plan(keys);
    if (from.size === 0) return;
    this.#scheduler.noteRead();
    this.#options.counters.tailReads++;
    this.#inFlight.set(node, from.size);
    for (const [key, position] of from) {
      this.#streams.unmark(key);
      this.#busy.add(key);
      if (this.#readAt.has(key) && this.#readAt.get(key) !== node)
        this.#streams.continuity.serverChanged(key);
      this.#readAt.set(key, node);
      const plan = { from: new Map([[key, position]]), count };
      this.#router.transact(this.#streams.commands(plan), (error, replies) => {
        this.#onAnswered(node, key);
        // A read that was sent before the topology was known: the next one at its node is not one of another server.
        if (node === undefined && this.#readAt.has(key)) this.#readAt.set(key, this.#router.nodeOf(key));
        const failure = error ?? errorIn(replies);
        if (failure === undefined) this.#deliverSoon(this.#streams.take(plan, replies));
        else this.#onFailure(key, failure);
        // A failed read is repeated when a node is ready or the topology changes, not at once.
        if (failure === undefined || failure instanceof ReplyError) this.#schedule();
      });
    }
  }

  #onAnswered(node: ClusterNode | undefined, key: string): void {
    const missing = (this.#inFlight.get(node) ?? 1) - 1;
    if (missing === 0) this.#inFlight.delete(node);
    else this.#inFlight.set(node, missing);
    this.#busy.delete(key);
  }

  #onFailure(key: string, error: Error): void {
    if (!(error instanceof ReplyError) || this.#streams.isScriptForbidden(error)) {
      this.#streams.mark(key);
      return;
    }
    this.#streams.reject(key, error);
    if (isTemporary(error)) this.#retries.add(key);
  }

  /** Delivers reads together with the entries that arrive in the same chunk. */
  #deliverSoon(reads: readonly TailRead[]): void {
    if (reads.length === 0) return;
    if (this.#arrived.length === 0) queueMicrotask(() => this.#deliver());
    this.#arrived.push(...reads);
  }

  #deliver(): void {
    const { positions } = this.#streams;
    // A stream may have been unwatched or moved in the meantime.
    const reads = this.#arrived.filter(
      ({ key, entries }) => positions.get(key) === entries[entries.length - 1]?.id,
    );
    this.#arrived = [];
    if (reads.length > 0) this.#options.onReads(reads);
  }
}
