/** A real Redis with a replica, and three sentinels that watch them. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { until } from "../until.ts";
import { DURABLE, silent, startRedis, type TestRedis } from "./redis.ts";

/** One sentinel process. */
export interface TestSentinel extends AsyncDisposable {
  readonly port: number;
  readonly control: Connection;
}

/** Name of the master in the tests. */
export const MASTER = "cameras";

/** Starts a sentinel that watches a master. @param lines further lines of its configuration */
export async function startSentinel(
  masterPort: number,
  quorum: number,
  lines: readonly string[] = [],
): Promise<TestSentinel> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), "streamer-sentinel-"));
  const file = join(dir, "sentinel.conf");
  const configuration = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${dir}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${MASTER} 1000`,
    `sentinel failover-timeout ${MASTER} 5000`,
    ...lines,
  ];
  await writeFile(file, `${configuration.join("\n")}\n`);
  const child: ChildProcess = spawn("redis-server", [file, "--sentinel"], { stdio: "ignore" });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const password = lines.find((line) => line.startsWith("requirepass "))?.slice("requirepass ".length);
  const control = new Connection({
    address: {
      target: { host: "127.0.0.1", port },
      database: 0,
      ...(password !== undefined && { password }),
    },
    name: "test",
    logger: silent,
    waitMs: 20_000,
  });
  await control.call("PING");
  return {
    port,
    control,
    async [Symbol.asyncDispose]() {
      control.close();
      child.kill("SIGKILL");
      await gone;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A master with a replica and three sentinels. */
export interface Watched extends AsyncDisposable {
  readonly url: string;
  readonly sentinels: readonly TestSentinel[];
  readonly servers: readonly TestRedis[];
  /** Returns the master according to the first sentinel. */
  master(): Promise<TestRedis>;
}

/** Starts them, and waits until they know each other. @param args further arguments of the first master */
export async function startWatched(...args: readonly string[]): Promise<Watched> {
  const quick = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"];
  const first = await startRedis(...DURABLE, ...quick, ...args);
  const second = await startRedis(...DURABLE, ...quick, "--replicaof", "127.0.0.1", String(first.port));
  const servers = [first, second];
  await until(
    "the replica follows",
    async () => /master_link_status:up/.test(String(await second.control.call("INFO", "replication"))),
    30_000,
  );
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(first.port, 2)));
  await until(
    "the sentinels know each other, and the replica",
    async () => {
      const all = await Promise.all(
        sentinels.map(({ control }) => control.call("SENTINEL", "MASTER", MASTER)),
      );
      return all.every((fields) => {
        const known = String(fields);
        return known.includes("num-slaves,1,") && known.includes("num-other-sentinels,2,");
      });
    },
    30_000,
  );
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${MASTER}`,
    sentinels,
    servers,
    async master() {
      const at = await sentinels[0]?.control.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER);
      const port = Array.isArray(at) ? Number(String(at[1])) : 0;
      const found = servers.find((one) => one.port === port);
      if (found === undefined) throw new Error(`no sentinel knows the master at ${String(at)}`);
      return found;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sentinels.map((one) => one[Symbol.asyncDispose]()));
      await Promise.all(servers.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}
