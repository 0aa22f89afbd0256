/** A real redis-server for a test: on a free port of its own, with its data in a folder that is removed again. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../bench/load/free-port.ts";
import type { Logger } from "../../src/domain/logger.ts";
import { type Connection, openConnection } from "../../src/redis/resp/connection.ts";
import { until } from "./until.ts";

/** A server that tests can use, hurt and bring back. */
export interface TestRedis extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** A connection of the test's own. */
  readonly control: Connection;
  /** Ends it without warning, as kill -9 does. */
  kill(): Promise<void>;
  /** Stops and continues the process: a server that hangs. */
  freeze(): void;
  thaw(): void;
  /** Starts it again, on the same port and data. */
  start(): Promise<void>;
}

/** A logger that says nothing. */
export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** That a file may not grow (`limitFiles`) is to be an error to it, as a full disk is, and not a signal that ends it. */
const SERVER = 'trap "" XFSZ; exec redis-server "$@"';

/** Starts a server. @param args further arguments, such as `--appendonly yes` */
export async function startRedis(...args: readonly string[]): Promise<TestRedis> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), "streamer-redis-"));
  let child: ChildProcess | undefined;
  const address = { target: { host: "127.0.0.1", port }, database: 0 };
  const control = openConnection({ address, name: "test", logger: silent, waitMs: 20_000 });

  async function start(): Promise<void> {
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir, ...args];
    child = spawn("sh", ["-c", SERVER, "redis-server", ...options], { stdio: "ignore" });
    await control.call("PING");
  }

  async function kill(): Promise<void> {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null) return;
    const gone = new Promise((resolve) => dying.once("exit", resolve));
    dying.kill("SIGKILL");
    await gone;
    // Asked over a connection that is lost and does not know it yet, the next question would have no answer.
    await until("the loss is noticed", () => !control.isReady());
  }

  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    control,
    kill,
    start,
    freeze: () => child?.kill("SIGSTOP"),
    thaw: () => child?.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      control.close();
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Kills the gateway's connections of a name, as `CLIENT LIST` shows them. @returns how many there were */
export async function killConnections({ control }: TestRedis, name: string): Promise<number> {
  const clients = String(await control.call("CLIENT", "LIST")).split("\n");
  let killed = 0;
  for (const line of clients) {
    const id = line.includes(`name=redis-streamer:${name} `) ? /^id=(\d+)/.exec(line)?.[1] : undefined;
    if (id !== undefined) killed += Number(await control.call("CLIENT", "KILL", "ID", id));
  }
  return killed;
}

/** Lets no file of a process, or of those that it starts, grow beyond a size: what a disk that is full comes to. */
export function limitFiles(pid: number, bytes: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]);
}
