/** A real redis-server for a test, on a free port, with its data in a temporary folder. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repairAppendOnlyFile } from "../../../bench/load/processes/append-only-file.ts";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import type { Logger } from "../../../src/domain/logger.ts";
import { Connection } from "../../../src/redis/resp/connection.ts";
import { until } from "../until.ts";

/** A server that tests can use, kill and restart. */
export interface TestRedis extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Working directory. */
  readonly dir: string;
  /** A separate connection for the test. */
  readonly control: Connection;
  /** Kills it without warning, like kill -9. */
  kill(): Promise<void>;
  /** Pauses and continues the process, to simulate a server that hangs. */
  freeze(): void;
  thaw(): void;
  /**
   * Restarts it on the same port and data.
   *
   * @param options `isRepaired: false` leaves an incomplete append-only file to Redis, which may then lose later writes
   */
  start(options?: { readonly isRepaired?: boolean }): Promise<void>;
}

/** A logger that discards everything. */
export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Arguments of a server that keeps its data when it is killed. It writes each command to its file before it replies; only a
 * crash of the whole machine would lose entries that are not flushed to the disk.
 */
export const DURABLE = ["--appendonly", "yes", "--appendfsync", "no"] as const;

/** Ignores SIGXFSZ, so that a file at its size limit (`limitFiles`) causes an error, like a full disk, instead of a signal. */
const SERVER = 'trap "" XFSZ; exec redis-server "$@"';

/** Ports to try. A port that was free may be taken by a server that another test starts in the same moment. */
const ATTEMPTS = 5;

/** Starts a server. @param args further arguments, such as `--appendonly yes` */
export async function startRedis(...args: readonly string[]): Promise<TestRedis> {
  for (let attempt = 1; ; attempt++) {
    const redis = await prepare(await freePort(), args);
    try {
      await redis.start();
      return redis;
    } catch (error) {
      await redis[Symbol.asyncDispose]();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

/** Creates a server that is not started yet. */
async function prepare(port: number, args: readonly string[]): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), "streamer-redis-"));
  let child: ChildProcess | undefined;
  const address = { target: { host: "127.0.0.1", port }, database: 0 };
  const control = new Connection({ address, name: "test", logger: silent, waitMs: 20_000 });

  async function start({ isRepaired = true } = {}): Promise<void> {
    if (isRepaired) await repairAppendOnlyFile(dir);
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir, ...args];
    const server = spawn("sh", ["-c", SERVER, "redis-server", ...options], { stdio: "ignore" });
    child = server;
    const exit = once(server, "exit").then(([code]) => {
      throw new Error(`redis-server on port ${port} exited with ${code} before it was ready`);
    });
    await Promise.race([exit, expectServer(server)]);
  }

  /** Waits for a reply, and rejects if it is from another server: that one ends with its own test. */
  async function expectServer({ pid }: ChildProcess): Promise<void> {
    const info = String(await control.call("INFO", "server"));
    if (!info.includes(`process_id:${pid}\r`)) throw new Error(`another server listens on port ${port}`);
  }

  async function kill(): Promise<void> {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    const gone = once(dying, "exit");
    dying.kill("SIGKILL");
    await gone;
    // A command sent before the loss is detected would never get a reply.
    await until("the loss is noticed", () => !control.isReady());
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    dir,
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

/** Kills the gateway's connections with a name, as in `CLIENT LIST`. @returns the number of connections */
export async function killConnections({ control }: TestRedis, name: string): Promise<number> {
  const clients = String(await control.call("CLIENT", "LIST")).split("\n");
  let killed = 0;
  for (const line of clients) {
    const id = line.includes(`name=redis-streamer:${name} `) ? /^id=(\d+)/.exec(line)?.[1] : undefined;
    if (id !== undefined) killed += Number(await control.call("CLIENT", "KILL", "ID", id));
  }
  return killed;
}

/** Limits the file size of a process and its children, to simulate a full disk. */
export function limitFiles(pid: number, bytes: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]);
}
