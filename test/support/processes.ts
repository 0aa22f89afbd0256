/** Process information from the system. */
import { readdirSync, readFileSync } from "node:fs";

/** Returns the ids of the running Node.js child processes of a process. */
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

/** Returns whether a process exists, including zombies. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
