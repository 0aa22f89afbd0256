/**
 * Reads Redis' append-only file. It contains every command that the store committed, in order and with the assigned ids.
 * The verdict compares readers with it, because it also contains entries that were trimmed later.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { keyOf, type NamedEntry } from "./history.ts";

/** Options that redis-server needs so that this module can read its file: synced to disk before each reply, never rewritten. */
export const APPEND_ONLY: readonly string[] = [
  ...["--appendonly", "yes"],
  ...["--appendfsync", "always"],
  ...["--auto-aof-rewrite-percentage", "0"],
];

/** Returns all entries ever committed, by stream key. @param dir the server's working directory */
export function readCommitted(dir: string): ReadonlyMap<string, readonly NamedEntry[]> {
  const streams = new Map<string, NamedEntry[]>();
  for (const file of filesOf(dir)) {
    for (const [name = "", key = "", ...args] of commandsOf(readFileSync(file))) {
      if (name.toUpperCase() !== "XADD") continue;
      const id = args.find((arg) => /^\d+-\d+$/.test(arg));
      const payload = args[args.indexOf(id ?? "") + 2];
      const entries = streams.get(key) ?? [];
      entries.push({ id, key: keyOf(payload ?? "") });
      streams.set(key, entries);
    }
  }
  return streams;
}

/** Returns the ids that a consumer group acknowledged. @param dir the server's working directory */
export function readAcknowledged(dir: string, key: string, group: string): readonly string[] {
  const ids: string[] = [];
  for (const file of filesOf(dir))
    for (const [name = "", of, by, ...args] of commandsOf(readFileSync(file)))
      if (name.toUpperCase() === "XACK" && of === key && by === group) ids.push(...args);
  return ids;
}

/** Paths of the append-only file: one file up to Redis 6, a folder of numbered files since Redis 7 (the base file is empty here). */
function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".aof") && !name.endsWith(".base.aof"))
    .sort((a, b) => Number(/\.(\d+)\./.exec(a)?.[1] ?? 0) - Number(/\.(\d+)\./.exec(b)?.[1] ?? 0))
    .map((name) => join(dir, name));
}

/** Parses `*n\r\n` and n times `$length\r\nbytes\r\n`; lines that begin with `#` are timestamps. */
function* commandsOf(bytes: Buffer): Generator<string[]> {
  let at = 0;
  const line = (): string => {
    const end = bytes.indexOf("\r\n", at);
    const text = bytes.toString("latin1", at, end);
    at = end + 2;
    return text;
  };
  while (at < bytes.length) {
    const head = line();
    if (head.startsWith("#")) continue;
    const command: string[] = [];
    for (let left = Number(head.slice(1)); left > 0; left--) {
      const length = Number(line().slice(1));
      command.push(bytes.toString("latin1", at, at + length));
      at += length + 2;
    }
    yield command;
  }
}
