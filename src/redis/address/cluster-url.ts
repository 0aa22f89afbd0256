/** Redis Cluster URL in `REDIS_URL`, naming some of its nodes: `redis+cluster://user:password@host:port,host:port`. */
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { describeAddress, parseRedisUrl, type RedisAddress } from "./redis-url.ts";

/** Seed nodes of a cluster, which report all others. All nodes share user, password and TLS options. */
export interface ClusterEndpoint {
  /** At least one. */
  readonly seeds: readonly RedisAddress[];
}

const CLUSTER_URL = /^(rediss?)\+cluster:\/\/(?:([^@]*)@)?([^/?#@]+)\/?$/i;

/** Whether a URL names a cluster. */
export const isClusterUrl = (text: string): boolean => /^rediss?\+cluster:/i.test(text);

/**
 * Reads the URL.
 *
 * @param tls TLS options for `rediss+cluster://`
 * @throws Error that describes the problem without the password
 */
export function parseClusterUrl(text: string, tls: TlsOptions = {}): ClusterEndpoint {
  const [, scheme = "", login, hosts = ""] = CLUSTER_URL.exec(text) ?? [];
  if (hosts === "")
    throw new Error("REDIS_URL is not a valid cluster URL: it must be redis+cluster://host:port,host:port");
  if (hosts.split(",").includes(""))
    throw new Error("REDIS_URL must not have an empty host in its list of nodes");
  const credentials = login === undefined ? "" : `${login}@`;
  const seeds = hosts
    .split(",")
    .map((host) => parseRedisUrl(`${scheme.toLowerCase()}://${credentials}${host}`, tls));
  return { seeds };
}

/** Describes the cluster for logs, without credentials. */
export const describeCluster = ({ seeds }: ClusterEndpoint): string =>
  `${seeds[0]?.tls ? "rediss" : "redis"}+cluster://${seeds.map((seed) => describeAddress(seed).replace(/^\w+:\/\//, "")).join(",")}`;
