/**
 * One run of the managed Redis server, as the gateway sees it: started as a child, or adopted from a gateway that was
 * killed and could not stop it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../../domain/logger.ts";
import { ManagedServerError } from "./server-binary.ts";
import { readServerLine } from "./server-log.ts";
import { ask, reach } from "./server-probe.ts";

/** When the server forces what was written to disk: its setting `appendfsync`. */
export type Fsync = "always" | "everysec" | "no";

/** Where a server runs. */
export interface ServerSite {
  /** Its real path. */
  readonly dataDir: string;
  /** Of its unix socket. */
  readonly path: string;
  readonly fsync: Fsync;
  readonly logger: Logger;
}

/** A server process. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the process has ended, with how, in words. */
  readonly gone: Promise<string>;
  /** Ends it, by SIGKILL if SIGTERM does not do within a few seconds. What it has acknowledged is in its file. */
  stop(): Promise<void>;
  /** Leaves it running, for another gateway to adopt. */
  release(): void;
}

const STOP_MS = 5_000;
const ANSWER_MS = 10_000;
const LAST_LINES = 12;

/** Starts a server. It is a child, but of a session of its own: Ctrl-C does not reach it before the gateway is done. */
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
  // At once, so that a gateway that is killed now leaves word of the server that is about to open the files.
  if (pid > 0) writeFileSync(pidFile(dataDir), `${pid}\n`, { mode: 0o600 });

  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      if (line.trim() === "") return;
      const { level, message } = readServerLine(line);
      logger[level]({ redisPid: pid }, `redis: ${message}`);
      lines.push(message);
      if (lines.length > LAST_LINES) lines.shift();
    });

  const gone = ended(child).then((how) => {
    forgetPid(pid, dataDir);
    return lines.length === 0 ? how : `${how}; its last words: ${lines.join(" | ")}`;
  });

  return {
    pid,
    gone,
    stop: () => stop(pid, gone, logger),
    release() {
      child.unref();
      // As pipes they are handles that would keep this process alive.
      (child.stdout as Readable).destroy();
      (child.stderr as Readable).destroy();
    },
  };
}

/** How a child ended. Its last lines come shortly after its exit; a forked child of it may hold the pipe for longer. */
async function ended(child: ChildProcess): Promise<string> {
  const drained = new Promise((resolve) => child.once("close", resolve));
  const how = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) =>
      resolve(signal === null ? `it ended with code ${code}` : `it was ended by ${signal}`),
    );
  });
  const enough = new AbortController();
  await Promise.race([drained, delay(500, undefined, { signal: enough.signal })]);
  enough.abort();
  return how;
}

/**
 * Adopts the server that runs on the site's socket.
 *
 * @returns undefined where there is none
 * @throws ManagedServerError where one is there that does not answer
 */
export async function adoptServer({
  dataDir,
  path,
  fsync,
  logger,
}: ServerSite): Promise<ServerProcess | undefined> {
  const found = await reach(path);
  if (found === undefined) return undefined;
  found.destroy();
  const tell = (...command: string[]) =>
    ask(path, command, ANSWER_MS).catch((error: Error) => {
      throw new ManagedServerError(`something listens on ${path}, but is of no use: ${error.message}`);
    });
  const pid = Number(/^process_id:(\d+)/m.exec(String(await tell("INFO", "server")))?.[1]);
  await tell("CONFIG", "SET", "appendfsync", fsync);
  logger.warn(
    { redisPid: pid },
    "took over the Redis of a gateway that is gone; its own log is not seen from here",
  );
  const gone = closed(path)
    .then(() => dead(pid, dataDir, STOP_MS))
    .then(() => {
      forgetPid(pid, dataDir);
      return "it ended";
    });
  return { pid, gone, stop: () => stop(pid, gone, logger), release: () => undefined };
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
  logger.warn({ redisPid: pid }, "ending a Redis on the data directory whose socket is gone");
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
    // Zero or less would be a process group.
    if (pid > 0) process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

/** Waits until a process that is no child has ended, or the time is over. */
async function dead(pid: number, dataDir: string, limitMs: number): Promise<void> {
  for (const end = performance.now() + limitMs; isServerOf(pid, dataDir) && performance.now() < end; )
    await delay(20);
}

/** Whether a process is a server that works in the data directory; where there is no `/proc`, it is taken for none. */
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

/** Removes the word of a server that has ended, unless another gateway has started its successor already. */
function forgetPid(pid: number, dataDir: string): void {
  if (storedPid(dataDir) === pid) rmSync(pidFile(dataDir), { force: true });
}
