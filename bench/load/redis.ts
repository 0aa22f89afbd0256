/** The redis-server of a benchmark run: on a unix socket, asked through redis-cli. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Child, Children } from "./process.ts";

const run = promisify(execFile);

/** A redis-server that belongs to this run alone. */
export interface Redis extends Child {
  readonly socketPath: string;
  readonly url: string;
  /** Runs one command and gives redis-cli's raw output. Costs the server one connection for as long as it takes. */
  command(...args: readonly string[]): Promise<string>;
  /** One number out of `INFO`. */
  info(field: string): Promise<number>;
}

/** Without any persistence no measurement waits for a disk. */
const IN_MEMORY: readonly string[] = ["--appendonly", "no"];

/** Starts it, with what is in `dir`. @param options further arguments: how it persists */
export async function startRedis(
  children: Children,
  dir: string,
  options: readonly string[] = IN_MEMORY,
): Promise<Redis> {
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
      if (value === undefined) throw new Error(`INFO has no ${field}`);
      return Number(value);
    },
  };
}
