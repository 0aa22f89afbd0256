/** Which Redis a gateway stands on: the one that `REDIS_URL` names, alone, behind sentinels or a cluster, or a managed one. */
import { readFileSync } from "node:fs";
import type { SecureContextOptions } from "node:tls";
import type { Logger } from "../domain/logger.ts";
import { type ClusterEndpoint, describeCluster, isClusterUrl, parseClusterUrl } from "./cluster/url.ts";
import { openClusterStore } from "./cluster-store.ts";
import { startManagedServer } from "./managed/managed-server.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { describeEndpoint, type RedisEndpoint } from "./resp/address-source.ts";
import { checkSentinels, createSentinels } from "./sentinel/master-discovery.ts";
import { isSentinelUrl, parseSentinelUrl } from "./sentinel/url.ts";
import { openSingleStore } from "./single-store.ts";
import type { Store, StoreParts } from "./store.ts";
import type { TailMode } from "./tail/open-tail.ts";

/** The settings that say which Redis, and how it is used. */
export interface RedisOptions {
  /** Empty: a managed one. */
  readonly redisUrl: string;
  /** Files; empty where there is none. */
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

/** Where Redis is. */
export type StoreEndpoint = RedisEndpoint | ClusterEndpoint;

/**
 * Finds out where Redis is, and starts it where it is a managed one.
 *
 * @param closers is given what stops what was started
 * @param signal gives that up
 * @throws Error with a sentence for people where there is none
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
    const sentinels = createSentinels(parseSentinelUrl(redisUrl, readTls(options)), logger);
    closers.push(sentinels.close);
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
