/**
 * A file that is read again when it changes: keys, certificates. It is looked at twice a second, which also sees files
 * that are replaced by a rename or a new link, as secrets of a cluster are.
 */
import { statSync } from "node:fs";
import type { Logger } from "../domain/logger.ts";

/** How often files are looked at, in ms. */
const LOOK_EVERY_MS = 500;

/** What is watched. */
export interface WatchedFileOptions<T> {
  /** The paths; a change of one reads all. */
  readonly paths: readonly string[];
  /** Reads them. What it throws at first ends the start; later the value before stays. */
  readonly read: () => T;
  /** Told of each new value but the first. */
  readonly onChange: (value: T) => void;
  readonly logger: Logger;
}

/** A value that follows files. */
export interface WatchedFile<T> {
  value(): T;
  close(): void;
}

/** Reads files now, and again whenever one changes. @throws what `read` throws */
export function watchFile<T>({ paths, read, onChange, logger }: WatchedFileOptions<T>): WatchedFile<T> {
  let seen = stampOf(paths);
  let value = read();
  const looking = setInterval(() => {
    const now = stampOf(paths);
    if (now === seen) return;
    seen = now;
    try {
      value = read();
    } catch (error) {
      logger.error({ err: error, paths }, "a changed file cannot be used; what it said before stays");
      return;
    }
    logger.info({ paths }, "a file changed and was read again");
    onChange(value);
  }, LOOK_EVERY_MS);
  looking.unref();
  return { value: () => value, close: () => clearInterval(looking) };
}

/** What changes when a file does. */
function stampOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? "none" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    })
    .join("\n");
}
