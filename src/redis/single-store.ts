/** One Redis as the gateway's store: one connection for each kind of command. */

import type { Logger } from "../domain/logger.ts";
import type { RedisEndpoint } from "./address/address-source.ts";
import { createLoopback } from "./append/loopback.ts";
import { loopbackOver } from "./append/transactions.ts";
import { TransactionEnder } from "./append/unfinished-transaction.ts";
import { growthOver } from "./groups/growth.ts";
import { openListedReplicas } from "./read/listed-replicas.ts";
import { createPolledReads } from "./read/poll-cache.ts";
import { LARGE_PAYLOAD_BYTES } from "./registry/details/stream-info.ts";
import { metaTrackingOver } from "./registry/metadata-watch.ts";
import { createPresenceLeases } from "./registry/presence-leases.ts";
import { keyEventsOver } from "./registry/watch/key-events.ts";
import { databaseOver, ping } from "./resp/commands.ts";
import { Connection, type ConnectionHooks, type ConnectionOptions } from "./resp/connection.ts";
import { lazily, lazyCommands } from "./resp/lazily.ts";
import type { Store, StoreParts } from "./store.ts";
import { openTail, type TailMode } from "./tail/open-tail.ts";

/** Options of the store of a single Redis. */
export interface SingleStoreParts extends StoreParts {
  readonly address: RedisEndpoint;
  readonly tailMode: TailMode;
  /** `POLL_CACHE_BYTES`: limit of the poll cache, in bytes. */
  readonly pollCacheBytes: number;
}

/** Options of one of the store's connections. */
type OpenOptions = ConnectionHooks & Partial<Pick<ConnectionOptions, "waitMs" | "omitFrom">>;

/** Opens the store. It can be used immediately: commands wait until Redis is available. */
export function openSingleStore(parts: SingleStoreParts): Store {
  const {
    address,
    tailMode,
    readsReplicas,
    waitMs,
    stallMs,
    leaseMs,
    streamMaxLength,
    pollCacheBytes,
    sizes,
    counters,
    logger,
  } = parts;
  const connections: Connection[] = [];
  const open = (name: string, options: OpenOptions = {}) =>
    new Connection({
      waitMs,
      ...options,
      stallMs,
      address,
      logger,
      name,
      onLost() {
        counters.redisReconnects++;
        options.onLost?.();
      },
    });
  const connect = (name: string, hooks: ConnectionHooks = {}) => {
    const connection = open(name, hooks);
    connections.push(connection);
    return connection;
  };
  const reads = connect("reads");
  const database = databaseOver(reads);
  const large = lazily(() => open("large"));
  const pages = lazily(() => open("pages"));
  const largeReads = lazyCommands(pages);
  const details = lazily(() => open("details", { omitFrom: LARGE_PAYLOAD_BYTES }));
  const loopback = createLoopback();
  const replicas = readsReplicas ? openListedReplicas(address, reads, logger) : undefined;
  return {
    reads: database,
    largeReads,
    withoutPayloads: lazyCommands(details),
    replicas,
    openSending: loopbackOver(
      (hooks) => endingTransactions((all) => connect("appends", all), hooks, logger),
      loopback,
    ),
    openLargeSending: (encode) => ({
      append: (entry, settle) => large.get().sendEncoded((out) => encode(entry, out), settle),
    }),
    async ping() {
      await Promise.all(connections.map(ping));
    },
    openPolledReads: (readsOver) =>
      createPolledReads({
        connect: (hooks) => connect("polls", hooks),
        readsOver,
        largeReads,
        limitBytes: pollCacheBytes,
        counters,
      }),
    openTail: (onReads, events) =>
      openTail(tailMode, {
        address,
        logger,
        stallMs,
        sizes,
        counters,
        loopback,
        onReads,
        ...events,
        control: reads,
      }),
    openMetaTracking: metaTrackingOver((hooks) => open("meta", hooks)),
    openKeyEvents: keyEventsOver((hooks) => open("watch", hooks)),
    openGrowth: growthOver((hooks) => open("groups", { ...hooks, waitMs: 0 }), logger),
    isSameServer: () => true,
    createLeases: (own) => createPresenceLeases({ commands: database, ...own, leaseMs, streamMaxLength }),
    close() {
      replicas?.close();
      large.close();
      pages.close();
      details.close();
      for (const connection of connections.toReversed()) connection.close();
    },
  };
}

/** Opens a connection that ends an unfinished transaction whenever it is ready. */
function endingTransactions(
  connect: (hooks: ConnectionHooks) => Connection,
  hooks: ConnectionHooks,
  logger: Logger,
): Connection {
  const ender = new TransactionEnder(() => "", logger);
  const connection = connect({
    ...hooks,
    onReady() {
      ender.onReady(connection);
      hooks.onReady?.();
    },
  });
  return connection;
}
