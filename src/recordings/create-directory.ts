/** Creation of directories for recordings and received files. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Creates a directory with its parents. Does not use `mkdir` with `recursive`, which never returns under `/proc`. @throws Error of the file system */
export const createDirectory = (path: string, mode?: number): Promise<void> => create(resolve(path), mode);

async function create(path: string, mode: number | undefined): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await exists(parent))) throw error;
    await create(parent, mode);
    await mkdir(path, mode);
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
