/** A Redis Cluster by some of its nodes, read from `REDIS_URL`: `redis+cluster://user:password@host:port,host:port`. */
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { describeAddress, parseRedisUrl, type RedisAddress } from "../redis-url.ts";

/** A cluster, by nodes that are asked for all the others. The same user, password and TLS open every node. */
export interface ClusterPlace {
  /** At least one. */
  readonly seeds: readonly RedisAddress[];
}

const CLUSTER_URL = /^(rediss?)\+cluster:\/\/(?:([^@]*)@)?([^/?#@]+)\/?$/i;

/** Whether a URL is meant to name a cluster. */
export const isClusterUrl = (text: string): boolean => /^rediss?\+cluster:/i.test(text);

/**
 * Reads the URL.
 *
 * @param tls how servers of `rediss+cluster://` are checked, and what they are shown
 * @throws Error with a sentence that says what is wrong, without the password
 */
export function parseClusterUrl(text: string, tls: TlsOptions = {}): ClusterPlace {
  const [, scheme = "", login, hosts = ""] = CLUSTER_URL.exec(text) ?? [];
  if (hosts === "")
    throw new Error("REDIS_URL is no URL of a cluster: redis+cluster://host:port,host:port is one");
  const door = login === undefined ? "" : `${login}@`;
  const seeds = hosts
    .split(",")
    .map((host) => parseRedisUrl(`${scheme.toLowerCase()}://${door}${host}`, tls));
  return { seeds };
}

/** The cluster for people: without user and password. */
export const describeCluster = ({ seeds }: ClusterPlace): string =>
  `${seeds[0]?.tls ? "rediss" : "redis"}+cluster://${seeds.map((seed) => describeAddress(seed).replace(/^\w+:\/\//, "")).join(",")}`;
