/** The redis-server of a benchmark run: on a Unix socket, queried through redis-cli. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { repairAppendOnlyFile } from "./append-only-file.ts";
import type { Child, Children } from "./process.ts";

const run = promisify(execFile);

/** A redis-server for this run only. */
export interface Redis extends Child {
  readonly socketPath: string;
  readonly url: string;
  /** Runs one command and returns redis-cli's raw output. It uses one connection of the server while it runs. */
  command(...args: readonly string[]): Promise<string>;
  /** Returns a number from `INFO`. */
  info(field: string): Promise<number>;
}

/** Disables persistence, so that no measurement waits for a disk. */
const IN_MEMORY: readonly string[] = ["--appendonly", "no"];

/** Starts Redis with the data in `dir`. @param options further arguments, such as persistence */
export async function startRedis(
  children: Children,
  dir: string,
  options: readonly string[] = IN_MEMORY,
): Promise<Redis> {
  await repairAppendOnlyFile(dir);
  const socketPath = join(dir, "redis.sock");
  const command = async (...args: readonly string[]) => {
    const { stdout } = await run("redis-cli", ["-s", socketPath, ...args], { maxBuffer: 2 ** 26 });
    return stdout.trimEnd();
  };
  const args = ["--port", "0", "--unixsocket", socketPath, "--save", "", "--dir", dir, ...options];
  const child = await children.start("redis-server", args, {}, async () => {
    return (await command("PING").catch(() => "")) === "PONG";
  });
  return {
    ...child,
    socketPath,
    url: `unix://${socketPath}`,
    command,
    async info(field) {
      const value = new RegExp(`^${field}:(\\S+)`, "m").exec(await command("INFO"))?.[1];
      if (value === undefined) throw new Error(`INFO has no field ${field}`);
      return Number(value);
    },
  };
}
