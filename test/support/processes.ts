/** What the system knows of processes. */
import { readdirSync, readFileSync } from "node:fs";

/** The process ids of the Node.js processes that a process has started and that live. */
export const processesBelow = (pid: number): readonly number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((one) => {
      try {
        // pid (program) state parent …
        const [, program, state, parent] =
          /^\d+ \((.*)\) (\S) (\d+) /.exec(readFileSync(`/proc/${one}/stat`, "utf8")) ?? [];
        return Number(parent) === pid && state !== "Z" && program === "node";
      } catch {
        return false;
      }
    });

/** Whether there is such a process, one that nobody has waited for included. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
