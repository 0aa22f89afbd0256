/**
 * Child processes of a benchmark, and their resource usage as reported by the kernel. Every child ends with the benchmark:
 * by `stop`, by Ctrl-C, or when the process exits.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A running child. */
export interface Child {
  readonly pid: number;
  /** Stops it with SIGTERM, then with SIGKILL after 10 s. Idempotent. */
  stop(): Promise<void>;
  /** Resolves when it has ended, with its exit status and last output. */
  readonly ended: Promise<string>;
}

/** A server on a TCP port of 127.0.0.1. */
export interface Server extends Child {
  readonly port: number;
}

/** The children of one benchmark run. */
export interface Children {
  /** Working directory of the children; it is deleted with the run. */
  readonly dir: string;
  /**
   * Starts a program and waits until it is ready.
   *
   * @param ready returns whether the program accepts requests; polled every 50 ms
   * @throws Error with the program's last output if it ends before that, or is not ready after 60 s
   */
  start(
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    ready: () => Promise<boolean>,
  ): Promise<Child>;
  /** Kills all children immediately, for exit handlers, which cannot wait. */
  killAll(): void;
}

const READY_MS = 60_000;
const STOP_MS = 10_000;
const LAST_WORDS_BYTES = 4_000;

/** Receives the output of a child. @param env its environment */
export type OnOutput = (command: string, env: Readonly<Record<string, string>>, text: string) => void;

/** @param dir working directory of the children, so that no `.env` of the caller affects the measurement */
export function createChildren(dir: string, onOutput: OnOutput = () => undefined): Children {
  const running = new Set<ChildProcess>();
  return {
    dir,
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
        onOutput(command, env, chunk.toString());
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
      // Another program responded on the port that was meant for this one.
      if (child.exitCode !== null)
        throw new Error(`${command} ${args.join(" ")} ended during its start:\n${words}`);
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

/** Kernel ticks per second in /proc/<pid>/stat; 100 on every Linux that Node supports (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Returns the processor time of a process in seconds, in user and kernel mode. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field, the program's name in parentheses, may contain spaces; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Returns the resident memory of a process in bytes (VmRSS). */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kilobytes === undefined) throw new Error(`cannot read the resident memory of process ${pid}`);
  return Number(kilobytes) * 1024;
}

/**
 * Returns the smallest resident memory over a period, which approximates a collected heap without forcing a collection.
 *
 * @param ms length of the period, with ten samples a second
 */
export async function minResidentBytes(pid: number, ms: number): Promise<number> {
  let min = Number.POSITIVE_INFINITY;
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100))
    min = Math.min(min, residentBytes(pid));
  return min;
}
