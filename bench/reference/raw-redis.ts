/**
 * Raw Redis: what redis-benchmark, a C program, gets stored through pipelined connections of its own, with the very
 * command that the gateway sends (`XADD key MAXLEN ~ 1000 * d payload`) and the same server.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Redis } from "../load/redis.ts";

const run = promisify(execFile);
const KEY = "raw-redis";

/** What is stored how. */
export interface RawLoad {
  readonly clients: number;
  /** Commands that each client has under way (`-P`). */
  readonly inFlight: number;
  /** Length of each entry. The argument stands on a command line, which Linux ends at 128 KB. */
  readonly entryBytes: number;
  readonly entries: number;
}

/** Entries stored per second. */
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
  // The line is "<the command>","<requests per second>","<average latency>",…
  const perSecond = Number(/","([\d.]+)"/.exec(stdout.slice(stdout.lastIndexOf('"XADD')))?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark said nothing of use: ${stdout.slice(0, 200)}`);
  return perSecond;
}
