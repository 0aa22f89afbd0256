/**
 * Reads Redis' append-only file: the commands in it are all that the store ever committed, in order, with the ids that it
 * gave. It is the ground that readers are judged by, since what was trimmed is in it, too.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { keyOf, type NamedEntry } from "./history.ts";

/** The options of a redis-server whose file this can read: forced to disk before an answer, never rewritten. */
export const APPEND_ONLY: readonly string[] = [
  ...["--appendonly", "yes"],
  ...["--appendfsync", "always"],
  ...["--auto-aof-rewrite-percentage", "0"],
];

/** All entries ever committed, by stream key. @param dir the server's working directory */
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

/** One file up to Redis 6, since 7 numbered ones in a folder (the base, empty here, is not one of them). */
function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".aof") && !name.endsWith(".base.aof"))
    .sort((a, b) => Number(/\.(\d+)\./.exec(a)?.[1] ?? 0) - Number(/\.(\d+)\./.exec(b)?.[1] ?? 0))
    .map((name) => join(dir, name));
}

/** `*n\r\n` and n times `$length\r\nbytes\r\n`; lines that begin with `#` are notes of the time. */
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
