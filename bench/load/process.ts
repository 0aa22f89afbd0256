/**
 * The processes a benchmark starts, and what the kernel says they use. Every child dies with the benchmark:
 * by `stop`, by Ctrl-C, or on the way out.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A running child. */
export interface Child {
  readonly pid: number;
  /** Ends it with SIGTERM, with SIGKILL where that takes over 10 s. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves when it has ended, with how it ended and its last words. */
  readonly ended: Promise<string>;
}

/** The children of one benchmark run. */
export interface Children {
  /**
   * Starts a program and waits until it is ready.
   *
   * @param ready answers whether the program is of use yet; asked every 50 ms
   * @throws Error with the program's last words when it ends before that or is not ready after 60 s
   */
  start(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    ready: () => Promise<boolean>,
  ): Promise<Child>;
  /** Ends all at once and at once. For the way out of the process, where nothing can be awaited. */
  killAll(): void;
}

const READY_MS = 60_000;
const STOP_MS = 10_000;
const LAST_WORDS_BYTES = 4_000;

/** @param dir the working directory of the children, so that no `.env` of the caller's changes what is measured */
export function createChildren(dir: string): Children {
  const running = new Set<ChildProcess>();
  return {
    async start(command, args, env, ready) {
      const child = spawn(command, args, {
        cwd: dir,
        env: { PATH: process.env.PATH ?? "", HOME: dir, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      running.add(child);
      const ended = new Promise<string>((resolve) => {
        child.once("close", (code, signal) => resolve(`ended with ${signal ?? code}:\n${words}`));
      });
      child.once("exit", () => running.delete(child));
      let words = "";
      const listen = (chunk: Buffer) => {
        words = (words + chunk.toString()).slice(-LAST_WORDS_BYTES);
      };
      child.stdout.on("data", listen);
      child.stderr.on("data", listen);
      let failure: Error | undefined;
      child.once("error", (error) => {
        running.delete(child);
        failure = error;
      });
      const limit = Date.now() + READY_MS;
      while (!(await ready())) {
        if (failure !== undefined) throw failure;
        if (child.exitCode !== null || Date.now() > limit) {
          child.kill("SIGKILL");
          throw new Error(`${command} ${args.join(" ")} did not become ready:\n${words}`);
        }
        await sleep(50);
      }
      // Then it was another program that answered, on the port that was to be this one's.
      if (child.exitCode !== null)
        throw new Error(`${command} ${args.join(" ")} ended at its start:\n${words}`);
      return { pid: child.pid ?? 0, stop: () => stop(child), ended };
    },
    killAll() {
      for (const child of running) child.kill("SIGKILL");
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  const last = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  child.kill("SIGTERM");
  await exited;
  clearTimeout(last);
}

/** Kernel ticks a second in /proc/<pid>/stat; 100 on every Linux that Node runs on (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time a process has used, its own and the kernel's for it. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field, the program's name in parentheses, may hold spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process in bytes (VmRSS). */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no resident memory to read`);
  return Number(kilobytes) * 1024;
}

/**
 * The least resident memory seen in a while: a collected heap, without collecting it by force.
 *
 * @param ms how long to look, ten times a second
 */
export async function leastResidentBytes(pid: number, ms: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100))
    least = Math.min(least, residentBytes(pid));
  return least;
}
