/** Replicas of one Redis, as its master lists them (`INFO replication`); also used behind Sentinel. */
import type { Logger } from "../../domain/logger.ts";
import { isAddressSource, type RedisEndpoint } from "../address/address-source.ts";
import { type RedisAddress, tlsAt } from "../address/redis-url.ts";
import type { Commands } from "../resp/commands.ts";
import { createReplicaPool, type ReplicaReads } from "./replicas.ts";

/** Interval (ms) at which the master is queried for its replicas. */
const REFRESH_MS = 2000;

/** Opens reads from the replicas of a master. @param master sends commands to the Redis at `endpoint` */
export function openListedReplicas(
  endpoint: RedisEndpoint,
  master: Commands,
  logger: Logger,
): ReplicaReads & { close(): void } {
  const pool = createReplicaPool(logger);
  let replicas: readonly RedisAddress[] = [];

  function refresh(): void {
    withAddress(endpoint, (like) => {
      master.send(["INFO", "replication"], (error, reply) => {
        // While the master is unavailable, its last known replicas stay in use.
        if (error !== undefined || isClosed) return;
        replicas = replicasIn(String(reply), like);
        pool.keep(replicas);
      });
    });
  }

  let isClosed = false;
  const refreshing = setInterval(refresh, REFRESH_MS);
  refresh();
  return {
    read: (_key, ...commands) => pool.read(replicas, commands),
    close() {
      isClosed = true;
      clearInterval(refreshing);
      pool.close();
    },
  };
}

/** Passes the master's address, whose user, password and TLS options also apply to its replicas. */
function withAddress(endpoint: RedisEndpoint, use: (like: RedisAddress) => void): void {
  if (!isAddressSource(endpoint)) use(endpoint);
  else
    endpoint.resolve((_error, address) => {
      if (address !== undefined) use(address);
    });
}

/** Parses lines such as `slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0`. */
function replicasIn(info: string, like: RedisAddress): readonly RedisAddress[] {
  return [...info.matchAll(/^slave\d+:ip=([^,]+),port=(\d+),state=online,/gm)].map(([, host = "", port]) => ({
    ...like,
    target: { host, port: Number(port) },
    ...(like.tls && { tls: tlsAt(host, like.tls) }),
  }));
}
