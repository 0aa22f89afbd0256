/** Opens the store of a gateway: a single Redis, one behind Sentinel, a Redis Cluster, or the managed Redis. */
import { readFileSync } from "node:fs";
import type { SecureContextOptions } from "node:tls";
import type { Logger } from "../domain/logger.ts";
import { describeEndpoint, type RedisEndpoint } from "./address/address-source.ts";
import {
  type ClusterEndpoint,
  describeCluster,
  isClusterUrl,
  parseClusterUrl,
} from "./address/cluster-url.ts";
import { parseRedisUrl } from "./address/redis-url.ts";
import { isSentinelUrl, parseSentinelUrl } from "./address/sentinel-url.ts";
import { openClusterStore } from "./cluster-store.ts";
import { startManagedServer } from "./managed/managed-server.ts";
import { checkSentinels, Sentinels } from "./sentinel/master-discovery.ts";
import { openSingleStore } from "./single-store.ts";
import type { Store, StoreParts } from "./store.ts";
import type { TailMode } from "./tail/open-tail.ts";

/** Settings of the connection to Redis. */
export interface RedisOptions {
  /** Empty: the managed Redis. */
  readonly redisUrl: string;
  /** Paths of PEM files; empty if not used. */
  readonly redisTlsCa: string;
  readonly redisTlsCert: string;
  readonly redisTlsKey: string;
  readonly dataDir: string;
  readonly redisFsync: Parameters<typeof startManagedServer>[0]["fsync"];
  readonly redisReadFrom: "master" | "replica";
  readonly redisWaitMs: number;
  readonly redisSilenceMs: number;
  readonly redisTail: TailMode;
  readonly deviceTimeoutMs: number;
  readonly streamMaxLength: number;
  readonly pollCacheBytes: number;
}

/** Endpoint of a single Redis, of sentinels, or of a cluster. */
export type StoreEndpoint = RedisEndpoint | ClusterEndpoint;

/**
 * Resolves `REDIS_URL` to an endpoint. Without a URL, starts the managed Redis.
 *
 * @param closers receives the functions that stop what was started
 * @param signal aborts the start
 * @throws Error with a message for the operator
 */
export async function findRedis(
  options: RedisOptions,
  logger: Logger,
  closers: (() => Promise<void> | void)[],
  signal: AbortSignal | undefined,
): Promise<StoreEndpoint> {
  const { redisUrl, dataDir, redisFsync } = options;
  if (isClusterUrl(redisUrl)) return parseClusterUrl(redisUrl, readTls(options));
  if (isSentinelUrl(redisUrl)) {
    const sentinels = new Sentinels(parseSentinelUrl(redisUrl, readTls(options)), logger);
    closers.push(() => sentinels.close());
    await checkSentinels(sentinels, logger);
    return sentinels;
  }
  if (redisUrl !== "") return parseRedisUrl(redisUrl, readTls(options));
  const server = await startManagedServer({ dataDir, fsync: redisFsync, logger, ...(signal && { signal }) });
  closers.push(() => server.close());
  return { target: { path: server.path }, database: 0 };
}

function readTls({ redisTlsCa, redisTlsCert, redisTlsKey }: RedisOptions): SecureContextOptions {
  return {
    ...(redisTlsCa !== "" && { ca: readFileSync(redisTlsCa) }),
    ...(redisTlsCert !== "" && { cert: readFileSync(redisTlsCert), key: readFileSync(redisTlsKey) }),
  };
}

const isCluster = (endpoint: StoreEndpoint): endpoint is ClusterEndpoint => "seeds" in endpoint;

/** Describes an endpoint, without users and passwords. */
export const describeRedis = (endpoint: StoreEndpoint): string =>
  isCluster(endpoint) ? describeCluster(endpoint) : describeEndpoint(endpoint);

/** Opens the store at an endpoint. */
export function openStore(
  options: RedisOptions,
  endpoint: StoreEndpoint,
  parts: Pick<StoreParts, "sizes" | "counters" | "logger">,
): Store {
  const common = {
    ...parts,
    readsReplicas: options.redisReadFrom === "replica",
    waitMs: options.redisWaitMs,
    stallMs: options.redisSilenceMs,
    leaseMs: options.deviceTimeoutMs,
    streamMaxLength: options.streamMaxLength,
  };
  if (isCluster(endpoint)) return openClusterStore({ ...common, endpoint });
  const { redisTail: tailMode, pollCacheBytes } = options;
  return openSingleStore({ ...common, address: endpoint, tailMode, pollCacheBytes });
}
