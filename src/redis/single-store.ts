/** One Redis as the gateway's store: a connection for each kind of commands. */
import type { Logger } from "../domain/logger.ts";
import type { Tally } from "../domain/tally.ts";
import { echoingOver } from "./appender.ts";
import { databaseOver, ping } from "./commands.ts";
import { type Connection, type ConnectionHooks, openConnection } from "./connection.ts";
import { createEcho } from "./echo.ts";
import type { EntrySizes } from "./entry-sizes.ts";
import { openListedReplicas } from "./listed-replicas.ts";
import { metaTrackingOver } from "./meta-watch.ts";
import { openTail, type TailMode } from "./open-tail.ts";
import { createPolledReads } from "./polled-reads.ts";
import { createPresenceLeases } from "./presence-leases.ts";
import type { RedisPlace } from "./source.ts";
import type { Store } from "./store.ts";

/** What the store of one Redis is made of. */
export interface SingleStoreParts {
  readonly address: RedisPlace;
  readonly tailMode: TailMode;
  /** Whether history is read from replicas where there are some. */
  readonly readsReplicas: boolean;
  /** How long a command waits for a Redis that is away, in ms. */
  readonly waitMs: number;
  /** How long a Redis that was asked may stay silent, in ms. */
  readonly silenceMs?: number | undefined;
  /** How long a gateway that is not heard of keeps its devices, in ms. */
  readonly leaseMs: number;
  /** `REDIS_STREAM_MAXLEN`; 0 keeps everything. */
  readonly streamMaxLength: number;
  /** Most that is kept for clients that poll, in bytes. */
  readonly pollCacheBytes: number;
  readonly sizes: EntrySizes;
  readonly tally: Tally;
  readonly logger: Logger;
}

/** Opens the store. It is usable at once: commands wait until Redis is there. */
export function openSingleStore(parts: SingleStoreParts): Store {
  const {
    address,
    tailMode,
    readsReplicas,
    waitMs,
    leaseMs,
    streamMaxLength,
    pollCacheBytes,
    sizes,
    tally,
    logger,
  } = parts;
  const silence = parts.silenceMs === undefined ? {} : { silenceMs: parts.silenceMs };
  const connections: Connection[] = [];
  const open = (name: string, hooks: ConnectionHooks = {}) =>
    openConnection({
      ...hooks,
      ...silence,
      address,
      logger,
      name,
      waitMs,
      onLost() {
        tally.redisReconnects++;
        hooks.onLost?.();
      },
    });
  const connect = (name: string, hooks: ConnectionHooks = {}) => {
    const connection = open(name, hooks);
    connections.push(connection);
    return connection;
  };
  const reads = connect("reads");
  const database = databaseOver(reads);
  const echo = createEcho();
  const replicas = readsReplicas ? openListedReplicas(address, reads, logger) : undefined;
  return {
    reads: database,
    replicas,
    openSending: echoingOver((hooks) => connect("appends", hooks), echo),
    async ping() {
      await Promise.all(connections.map(ping));
    },
    openPolledReads: (readsOver) =>
      createPolledReads({
        connect: (hooks) => connect("polls", hooks),
        readsOver,
        limitBytes: pollCacheBytes,
        tally,
      }),
    openTail(onReads, onRemoval) {
      const removal = onRemoval && { onRemoval };
      const parts = { address, logger, ...silence, sizes, tally, echo, onReads, ...removal, control: reads };
      return openTail(tailMode, parts);
    },
    openMetaTracking: metaTrackingOver((hooks) => open("meta", hooks)),
    createLeases: (gatewayId) =>
      createPresenceLeases({ commands: database, gatewayId, leaseMs, streamMaxLength }),
    close() {
      replicas?.close();
      for (const connection of connections.toReversed()) connection.close();
    },
  };
}
