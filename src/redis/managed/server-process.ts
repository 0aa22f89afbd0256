/** Process of the managed Redis: started as a child process, or adopted from a gateway that was killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Logger } from "../../domain/logger.ts";
import { sleep } from "../../domain/scheduling/sleep.ts";
import { within } from "../../domain/scheduling/timeout.ts";
import { ManagedServerError } from "./server-binary.ts";
import { readServerLine } from "./server-log.ts";
import { query, reach } from "./server-probe.ts";

/** Policy by which the server flushes its append-only file to disk: the Redis setting `appendfsync`. */
export type Fsync = "always" | "everysec" | "no";

/** Paths and settings of a server. */
export interface ServerSite {
  /** Real path of the data directory. */
  readonly dataDir: string;
  /** Path of its unix socket. */
  readonly path: string;
  readonly fsync: Fsync;
  readonly logger: Logger;
}

/** Running server process. */
export interface ServerProcess {
  readonly pid: number;
  /** Whether it truncated its append-only file when it started, as it does after a crash. False if that is not known. */
  hasRepairedFile(): boolean;
  /** Resolves when the process has ended, with a description for the log. */
  readonly gone: Promise<string>;
  /** Ends it by SIGTERM, or by SIGKILL after a few seconds. Acknowledged entries are in its append-only file. */
  stop(): Promise<void>;
  /** Leaves it running, so that another gateway can adopt it. */
  release(): void;
}

const STOP_MS = 5_000;
const REPLY_MS = 10_000;
const LAST_LINES = 12;
/** Log line of redis-server and valkey-server after `aof-load-truncated` has shortened the file. */
const REPAIRED = /Truncating the AOF /;

/** Starts a server in a session of its own, so that Ctrl-C does not end it before the gateway has stopped. */
export function spawnServer(file: string, site: ServerSite): ServerProcess {
  const { dataDir, path, fsync, logger } = site;
  const settings = {
    port: "0",
    unixsocket: path,
    unixsocketperm: "700",
    dir: dataDir,
    appendonly: "yes",
    appendfsync: fsync,
    save: "",
    daemonize: "no",
    logfile: "",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(file, args, { cwd: dataDir, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const pid = child.pid ?? 0;
  // Immediately, so that the next gateway finds the server even if this one is killed now.
  if (pid > 0) writeFileSync(pidFile(dataDir), `${pid}\n`, { mode: 0o600 });

  const lines: string[] = [];
  let hasRepairedFile = false;
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      if (line.trim() === "") return;
      const { level, message } = readServerLine(line);
      logger[level]({ redisPid: pid }, `redis: ${message}`);
      hasRepairedFile ||= REPAIRED.test(message);
      lines.push(message);
      if (lines.length > LAST_LINES) lines.shift();
    });

  const gone = ended(child).then((how) => {
    forgetPid(pid, dataDir);
    return lines.length === 0 ? how : `${how}; last log lines: ${lines.join(" | ")}`;
  });

  return {
    pid,
    hasRepairedFile: () => hasRepairedFile,
    gone,
    stop: () => stop(pid, gone, logger),
    release() {
      child.unref();
      // Open pipes would keep this process alive.
      (child.stdout as Readable).destroy();
      (child.stderr as Readable).destroy();
    },
  };
}

/** Resolves with how a child ended. Waits briefly for its last log lines; a forked process may keep the pipe open longer. */
async function ended(child: ChildProcess): Promise<string> {
  const drained = new Promise((resolve) => child.once("close", resolve));
  const how = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`),
    );
  });
  await within(500, drained);
  return how;
}

/**
 * Adopts the server that runs on the site's socket.
 *
 * @returns undefined if there is none, or if it ends meanwhile: of several gateways that close at the same time, each may
 * adopt the server that another one stops
 * @throws ManagedServerError if it does not reply
 */
export async function adoptServer({
  dataDir,
  path,
  fsync,
  logger,
}: ServerSite): Promise<ServerProcess | undefined> {
  if (!(await isListening(path))) return undefined;
  let pid: number;
  try {
    const info = await query(path, ["INFO", "server"], REPLY_MS);
    pid = Number(/^process_id:(\d+)/m.exec(String(info))?.[1]);
    await query(path, ["CONFIG", "SET", "appendfsync", fsync], REPLY_MS);
  } catch (error) {
    if (!(await isListening(path))) return undefined;
    throw new ManagedServerError(
      `the process that listens on ${path} is not a usable Redis: ${(error as Error).message}`,
    );
  }
  logger.warn(
    { redisPid: pid },
    "adopted the Redis of a gateway that has ended; its log output is not available",
  );
  const gone = closed(path)
    .then(() => dead(pid, dataDir, STOP_MS))
    .then(() => {
      forgetPid(pid, dataDir);
      return "it ended";
    });
  return {
    pid,
    // Its log is not available. The store ends its unfinished transaction in any case.
    hasRepairedFile: () => false,
    gone,
    stop: () => stop(pid, gone, logger),
    release: () => undefined,
  };
}

async function isListening(path: string): Promise<boolean> {
  const socket = await reach(path);
  socket?.destroy();
  return socket !== undefined;
}

/** Waits until no process listens on the socket. */
async function closed(path: string): Promise<void> {
  for (;;) {
    const socket = await reach(path);
    if (socket === undefined) return;
    await new Promise((resolve) => socket.resume().once("close", resolve));
  }
}

/**
 * Ends a server of the data directory that lost its socket file: no client can reach it, but it would still write to the
 * data files. Detected on Linux only; elsewhere it is left alone.
 */
export async function endStrayServer({ dataDir, logger }: ServerSite): Promise<void> {
  const pid = storedPid(dataDir);
  if (pid === undefined || !isServerOf(pid, dataDir)) return;
  logger.warn({ redisPid: pid }, "stopping a Redis on the data directory whose socket was deleted");
  await stop(pid, dead(pid, dataDir, Number.POSITIVE_INFINITY), logger);
}

async function stop(pid: number, gone: Promise<unknown>, logger: Logger): Promise<void> {
  signal(pid, "SIGTERM");
  const timer = setTimeout(() => {
    logger.warn({ redisPid: pid }, `Redis did not end within ${STOP_MS} ms; killing it`);
    signal(pid, "SIGKILL");
  }, STOP_MS);
  await gone;
  clearTimeout(timer);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    // Zero or less would signal a process group.
    if (pid > 0) process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

/** Waits until a process that is not a child has ended, at most `limitMs`. */
async function dead(pid: number, dataDir: string, limitMs: number): Promise<void> {
  for (const end = performance.now() + limitMs; isServerOf(pid, dataDir) && performance.now() < end; )
    await sleep(20);
}

/** Returns whether a process is a Redis server in the data directory; false without `/proc`. */
function isServerOf(pid: number, dataDir: string): boolean {
  try {
    const program = readFileSync(`/proc/${pid}/comm`, "utf8");
    return /^(redis|valkey)/.test(program) && readlinkSync(`/proc/${pid}/cwd`) === dataDir;
  } catch {
    return false;
  }
}

const pidFile = (dataDir: string) => join(dataDir, "redis.pid");

function storedPid(dataDir: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile(dataDir), "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the pid file of a server that has ended, unless another gateway has already started the next server. */
function forgetPid(pid: number, dataDir: string): void {
  if (storedPid(dataDir) === pid) rmSync(pidFile(dataDir), { force: true });
}
