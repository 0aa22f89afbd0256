/** Process information from the system. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** Returns the ids of the running Node.js child processes of a process. */
export const processesBelow = (pid: number): readonly number[] =>
  readdirSync("/proc")
    .map(Number)
    .filter((one) => {
      try {
        // pid (name) state parent …; the name is that of the main thread, which Node 24 sets.
        const [, state, parent] =
          /^\d+ \(.*\) (\S) (\d+) /.exec(readFileSync(`/proc/${one}/stat`, "utf8")) ?? [];
        if (Number(parent) !== pid || state === "Z") return false;
        return basename(readlinkSync(`/proc/${one}/exe`)) === "node";
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
