/** Processor time of processes in nanoseconds, from the scheduler's statistics of each thread. */
import { readdirSync, readFileSync } from "node:fs";

/** Returns the processor time of a process in µs. Threads that have ended are not included. */
export function processorMicros(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0] ?? 0);
  return nanoseconds / 1000;
}

/** Returns a process and its descendants. */
export function processTree(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(" "))
    .map(Number)
    .filter((child) => child > 0);
  return [pid, ...children.flatMap(processTree)];
}

/** Reads a file of a thread; empty if the thread has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
