/**
 * Watches files such as keys and certificates and reloads them when they change. It polls twice a second, because polling
 * also detects files that are replaced by a rename or a new link, as Kubernetes does with secrets.
 */
import { statSync } from "node:fs";
import type { Logger } from "../domain/logger.ts";

/** Polling interval, in ms. */
const POLL_INTERVAL_MS = 500;

/** The files to watch. */
export interface WatchedFileOptions<T> {
  /** The paths; a change of one reloads all. */
  readonly paths: readonly string[];
  /** Reads the files. If the first read throws, `watchFile` throws; if a later one does, the previous value stays. */
  readonly read: () => T;
  /** Called with each new value after the first. */
  readonly onChange: (value: T) => void;
  readonly logger: Logger;
}

/** A value that is reloaded from its files. */
export interface WatchedFile<T> {
  value(): T;
  close(): void;
}

/** Reads files now, and again when one of them changes. @throws the error of the first `read` */
export function watchFile<T>({ paths, read, onChange, logger }: WatchedFileOptions<T>): WatchedFile<T> {
  let seen = stampOf(paths);
  let value = read();
  const polling = setInterval(() => {
    const now = stampOf(paths);
    if (now === seen) return;
    seen = now;
    try {
      value = read();
    } catch (error) {
      logger.error({ err: error, paths }, "a changed file is invalid; the previous content stays in use");
      return;
    }
    logger.info({ paths }, "file changed and was reloaded");
    onChange(value);
  }, POLL_INTERVAL_MS);
  polling.unref();
  return { value: () => value, close: () => clearInterval(polling) };
}

/** Returns a text that changes when a file does. */
function stampOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? "none" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    })
    .join("\n");
}
