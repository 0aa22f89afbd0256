/** Redis of the suites of consumer groups: one server, or a cluster. */

import { createCounters } from "../../../src/observe/counters.ts";
import { parseClusterUrl } from "../../../src/redis/address/cluster-url.ts";
import { openClusterStore } from "../../../src/redis/cluster-store.ts";
import { createEntrySizes } from "../../../src/redis/read/entry-sizes.ts";
import { startCluster } from "../../support/redis/cluster.ts";
import { killConnections, silent, startRedis, type TestRedis } from "../../support/redis/redis.ts";

/** A Redis, as its tests see it. */
export interface GroupRedis extends AsyncDisposable {
  readonly url: string;
  /** Sends a command to the server that has its key. */
  call(...command: (string | number)[]): Promise<unknown>;
  flush(): Promise<void>;
  /** Returns the number of commands that all servers have processed. */
  processed(): Promise<number>;
  /** Closes the connections on which groups are read. */
  disconnect(): Promise<void>;
}

/** Starts one server. */
export async function startSingle(): Promise<GroupRedis> {
  const redis = await startRedis();
  return {
    ...ofNodes([redis]),
    url: redis.url,
    call: (...command) => redis.control.call(...command),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

/** Starts three masters. */
export async function startThree(): Promise<GroupRedis> {
  const cluster = await startCluster(3);
  const store = openClusterStore({
    endpoint: parseClusterUrl(cluster.url, {}),
    readsReplicas: false,
    waitMs: 10_000,
    leaseMs: 10_000,
    streamMaxLength: 0,
    sizes: createEntrySizes(),
    counters: createCounters(),
    logger: silent,
  });
  return {
    ...ofNodes(cluster.nodes),
    url: cluster.url,
    call: (...command) => store.reads.call(...command),
    async [Symbol.asyncDispose]() {
      store.close();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

const ofNodes = (nodes: readonly TestRedis[]) => ({
  async flush() {
    await Promise.all(nodes.map(({ control }) => control.call("FLUSHALL")));
  },
  async processed() {
    const counts = await Promise.all(
      nodes.map(async ({ control }) =>
        Number(/total_commands_processed:(\d+)/.exec(String(await control.call("INFO", "stats")))?.[1]),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  },
  async disconnect() {
    await Promise.all(nodes.map((node) => killConnections(node, "groups")));
  },
});
