/** Repair of an append-only file between the death of a redis-server and its next start. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Removes an incomplete end, including a transaction without `EXEC`. Redis removes only the last incomplete command, and then
 * loses later writes (docs/decisions/0027-end-unfinished-transactions.md).
 *
 * @param dir working directory of the server; it may have no append-only file yet
 * @throws Error if the file is damaged elsewhere, or an unfinished transaction is followed by others: the tool would remove
 * all of them
 */
export async function repairAppendOnlyFile(dir: string): Promise<void> {
  const manifest = join(dir, "appendonlydir", "appendonly.aof.manifest");
  if (!existsSync(manifest)) return;
  const problem = await run("redis-check-aof", [manifest]).then(
    () => undefined,
    (error: { readonly stdout: string }) => error.stdout,
  );
  if (problem === undefined) return;
  if (problem.includes("Unexpected MULTI"))
    throw new Error(`${manifest} has an unfinished transaction before others; rewrite it (BGREWRITEAOF)`);
  const repaired = run("redis-check-aof", ["--fix", manifest]);
  // It needs a confirmation before it shortens a file.
  repaired.child.stdin?.on("error", () => undefined).end("y\n");
  await repaired;
}
