/** The append-only file of a redis-server that is not running. */
import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";

/** Returns the path of the file with the latest commands. @param dir working directory of the server */
export function appendOnlyFile(dir: string): string {
  const files = join(dir, "appendonlydir");
  return join(files, readdirSync(files).find((name) => name.endsWith(".incr.aof")) ?? "");
}

/** Cuts the file within its last transaction, like a crash while Redis wrote it. @param dir working directory of the server */
export function cutLastTransaction(dir: string): void {
  const file = appendOnlyFile(dir);
  truncateSync(file, readFileSync(file).lastIndexOf("EXEC"));
}
