/** Starts the gateway in this process, so that signals reach it directly. */
import { existsSync } from "node:fs";

/** The starter of `npm start`, from `dist/bin` or `dist/cli`, and from `cli`. It also installs a Redis server if none is configured. */
const STARTERS = ["../../scripts/start.js", "../scripts/start.js"];

/** Starts the gateway with the flags in `process.argv`. It runs until a signal stops it. */
export async function runServe(): Promise<void> {
  const starter = STARTERS.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  if (starter === undefined) throw new Error("scripts/start.js is missing; install redis-streamer again");
  await import(starter.href);
}
