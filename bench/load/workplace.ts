/** Where a measurement works: a folder and processes of its own, both gone with it however it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Children, createChildren } from "./process.ts";

/** The folder, and what runs in it. */
export interface Workplace {
  readonly dir: string;
  readonly children: Children;
}

/** Opens one for as long as this program runs. @param name stands in the folder's name */
export function openWorkplace(name: string): Workplace {
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
