/** Temporary folder and child processes of a measurement, which are removed however it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Children, createChildren } from "./process.ts";

/** The folder and its processes. */
export interface Workspace {
  readonly dir: string;
  readonly children: Children;
}

/** Creates one for the lifetime of this program. @param name part of the folder's name */
export function openWorkspace(name: string): Workspace {
  const dir = mkdtempSync(join(tmpdir(), `redis-streamer-${name}-`));
  const children = createChildren(dir);
  process.once("exit", () => {
    children.killAll();
    rmSync(dir, { recursive: true, force: true });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => process.exit(130));
  return { dir, children };
}
