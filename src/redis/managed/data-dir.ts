/** The data directory of the managed Redis. */
import { mkdir, realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ManagedServerError } from "./server-binary.ts";

/**
 * Creates a data directory with its parents, for this user alone, and returns its real path.
 *
 * @throws ManagedServerError that names the directory
 */
export async function createDataDir(wanted: string): Promise<string> {
  try {
    await createWithParents(resolve(wanted));
    return await realpath(wanted);
  } catch (error) {
    throw new ManagedServerError(
      `the data directory ${wanted} cannot be created: ${(error as Error).message}`,
    );
  }
}

/** Does not use `mkdir` with `recursive`, which never returns under `/proc`: no directory can be created there. */
async function createWithParents(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await exists(parent))) throw error;
    await createWithParents(parent);
    await mkdir(path, { mode: 0o700 });
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Adds the path of the data directory to a system error. The error of a full disk contains no path. */
export function namingDataDir(error: unknown, dataDir: string): unknown {
  if (!(error instanceof Error) || error instanceof ManagedServerError || !("syscall" in error)) return error;
  return new ManagedServerError(`the data directory ${dataDir} cannot be used: ${error.message}`);
}
