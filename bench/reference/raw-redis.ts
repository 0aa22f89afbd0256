/**
 * Raw Redis: the rate at which redis-benchmark, a C program, stores entries through its own pipelined connections, with
 * the command that the gateway sends (`XADD key MAXLEN ~ 1000 * d payload`) and the same server.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Redis } from "../load/processes/redis.ts";

const run = promisify(execFile);
const KEY = "raw-redis";

/** Options of a run. */
export interface RawLoad {
  readonly clients: number;
  /** Commands in flight on each client's connection (`-P`). */
  readonly inFlight: number;
  /** Length of each entry. It is a command-line argument, which Linux limits to 128 KB. */
  readonly entryBytes: number;
  readonly entries: number;
}

/** Returns entries stored per second. */
export async function storeRaw(redis: Redis, load: RawLoad): Promise<number> {
  await redis.command("UNLINK", KEY);
  const { stdout } = await run(
    "redis-benchmark",
    ["-s", redis.socketPath, "--csv", "-n", load.entries, "-c", load.clients, "-P", load.inFlight]
      .map(String)
      .concat("XADD", KEY, "MAXLEN", "~", "1000", "*", "d", "x".repeat(load.entryBytes)),
    { maxBuffer: 2 ** 24 },
  );
  await redis.command("UNLINK", KEY);
  // Format of the line: "<command>","<requests per second>","<average latency>",…
  const perSecond = Number(/","([\d.]+)"/.exec(stdout.slice(stdout.lastIndexOf('"XADD')))?.[1]);
  if (!(perSecond > 0)) throw new Error(`unexpected output of redis-benchmark: ${stdout.slice(0, 200)}`);
  return perSecond;
}
