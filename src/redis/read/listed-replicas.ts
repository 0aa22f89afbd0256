/** The replicas of one Redis, as it lists them itself (`INFO replication`), also of one that sentinels lead to. */
import type { Logger } from "../../domain/logger.ts";
import { type RedisAddress, tlsAt } from "../redis-url.ts";
import { isAddressSource, type RedisEndpoint } from "../resp/address-source.ts";
import type { Commands } from "../resp/commands.ts";
import { createReplicaPool, type ReplicaReads } from "./replicas.ts";

/** How often (ms) the master is asked which replicas it has. */
const LOOK_MS = 2000;

/** Opens reads from the replicas that a master has. @param master answers for the Redis at `place` */
export function openListedReplicas(
  place: RedisEndpoint,
  master: Commands,
  logger: Logger,
): ReplicaReads & { close(): void } {
  const pool = createReplicaPool(logger);
  let replicas: readonly RedisAddress[] = [];

  function look(): void {
    withAddress(place, (like) => {
      master.send(["INFO", "replication"], (error, reply) => {
        // While the master is away its replicas stay: they may answer for it.
        if (error !== undefined || isClosed) return;
        replicas = replicasIn(String(reply), like);
        pool.keep(replicas);
      });
    });
  }

  let isClosed = false;
  const looking = setInterval(look, LOOK_MS);
  look();
  return {
    ask: (_key, ...commands) => pool.ask(replicas, commands),
    close() {
      isClosed = true;
      clearInterval(looking);
      pool.close();
    },
  };
}

/** The master's own address, whose user, password and TLS are those of its replicas too. */
function withAddress(place: RedisEndpoint, use: (like: RedisAddress) => void): void {
  if (!isAddressSource(place)) use(place);
  else
    place.resolve((_error, address) => {
      if (address !== undefined) use(address);
    });
}

/** Reads lines such as `slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0`. */
function replicasIn(info: string, like: RedisAddress): readonly RedisAddress[] {
  return [...info.matchAll(/^slave\d+:ip=([^,]+),port=(\d+),state=online,/gm)].map(([, host = "", port]) => ({
    ...like,
    target: { host, port: Number(port) },
    ...(like.tls && { tls: tlsAt(host, like.tls) }),
  }));
}
