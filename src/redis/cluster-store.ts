/** A Redis Cluster as the gateway's store: one router for each kind of command. All routers share one slot map. */
import type { Logger } from "../domain/logger.ts";
import type { ClusterEndpoint } from "./address/cluster-url.ts";
import { TransactionEnder } from "./append/unfinished-transaction.ts";
import { slotOf, tagWhere } from "./cluster/hash-slot.ts";
import { ClusterRouter, type RouterHooks, type RouterOptions } from "./cluster/router.ts";
import { Topology } from "./cluster/topology.ts";
import { growthOf, TRACK_GROWTH } from "./groups/growth.ts";
import { uncachedReads } from "./read/poll-cache.ts";
import { createReplicaPool, type ReplicaReads } from "./read/replicas.ts";
import { createClusterLeases } from "./registry/cluster-presence-leases.ts";
import { LARGE_PAYLOAD_BYTES } from "./registry/details/stream-info.ts";
import { TRACK_META } from "./registry/metadata-watch.ts";
import { ping } from "./resp/commands.ts";
import type { Connection } from "./resp/connection.ts";
import { lazily, lazyCommands } from "./resp/lazily.ts";
import type { Store, StoreParts } from "./store.ts";
import { ClusterTail } from "./tail/cluster-tail.ts";

/** Options of the store of a cluster. */
export interface ClusterStoreParts extends StoreParts {
  readonly endpoint: ClusterEndpoint;
}

/** Opens the store. It can be used immediately: commands wait until the cluster is available. */
export function openClusterStore(parts: ClusterStoreParts): Store {
  const { endpoint, readsReplicas, waitMs, stallMs, leaseMs, streamMaxLength, sizes, counters, logger } =
    parts;
  const topology = new Topology(endpoint, logger);
  const open = (name: string, hooks: RouterHooks & Pick<RouterOptions, "isOrdered" | "omitFrom"> = {}) =>
    new ClusterRouter({
      ...hooks,
      topology,
      name,
      logger,
      waitMs,
      stallMs,
      onNodeLost() {
        counters.redisReconnects++;
      },
    });
  const reads = open("reads");
  const appends = open("appends", {
    isOrdered: true,
    onNodeReady: endTransactions(topology, logger),
  });
  const large = lazily(() => open("large", { isOrdered: true }));
  const pages = lazily(() => open("pages"));
  const largeReads = lazyCommands(pages);
  const details = lazily(() => open("details", { omitFrom: LARGE_PAYLOAD_BYTES }));
  const replicas = readsReplicas ? openClusterReplicas(topology, logger) : undefined;

  return {
    reads,
    largeReads,
    withoutPayloads: lazyCommands(details),
    replicas,
    openSending: (encode) => ({
      // Without loopback, which would need a transaction per slot.
      append: (entry, settle) => appends.sendEncoded(entry.key, (out) => encode(entry, out), settle),
    }),
    openLargeSending: (encode) => ({
      append: (entry, settle) => large.get().sendEncoded(entry.key, (out) => encode(entry, out), settle),
    }),
    async ping() {
      await Promise.all([reads, appends].map((one) => one.onEach(ping)));
    },
    openPolledReads: (readsOver) => uncachedReads(readsOver(reads, largeReads)),
    openTail: (onReads, events) =>
      new ClusterTail({ topology, logger, stallMs, sizes, counters, onReads, ...events }),
    openMetaTracking({ onPush, onAgain }) {
      let isArmed = false;
      const router = open("meta", {
        setup: TRACK_META,
        onPush,
        onNodeReady: () => isArmed && onAgain(),
      });
      // A node replies to this after the setup command.
      const armed = router
        .onEach((server) => server.call("PING"))
        .then(() => {
          isArmed = true;
        });
      return { database: router, armed, close: () => router.close() };
    },
    openKeyEvents({ onPush, onReady }) {
      const router = open("watch", { onPush, onNodeReady: onReady });
      // Every version with Cluster that the gateway supports speaks RESP3.
      return { database: router, isResp3: () => true, close: () => router.close() };
    },
    openGrowth(hooks) {
      const router = open("groups", {
        setup: TRACK_GROWTH,
        onPush: growthOf(hooks),
        onNodeReady: hooks.onReady,
      });
      return {
        database: router,
        atTurnEnd: (task) => void setImmediate(task),
        close: () => router.close(),
      };
    },
    isSameServer: (key, other) => slotOf(key) === slotOf(other),
    createLeases: (own) => createClusterLeases({ database: reads, ...own, leaseMs, streamMaxLength }),
    close() {
      replicas?.close();
      reads.close();
      appends.close();
      large.close();
      pages.close();
      details.close();
      topology.close();
    },
  };
}

/** Reads from the replicas that a cluster has. */
function openClusterReplicas(topology: Topology, logger: Logger): ReplicaReads & { close(): void } {
  const pool = createReplicaPool(logger, ["READONLY"]);
  const stopWatching = topology.watch(() => pool.keep(topology.replicas().map(({ address }) => address)));
  return {
    read: (key, ...commands) =>
      pool.read(
        topology.replicasOf(slotOf(key)).map(({ address }) => address),
        commands,
      ),
    close() {
      stopWatching();
      pool.close();
    },
  };
}

/** Returns a function that ends the unfinished transaction of each node whose connection is ready. */
function endTransactions(topology: Topology, logger: Logger): NonNullable<RouterHooks["onNodeReady"]> {
  const enders = new WeakMap<Connection, TransactionEnder>();
  return (node, connection) => {
    const tag = () =>
      topology.masters().includes(node) ? tagWhere((slot) => topology.ownerOf(slot) === node) : undefined;
    const ender = enders.get(connection) ?? new TransactionEnder(tag, logger);
    enders.set(connection, ender);
    ender.onReady(connection);
  };
}
