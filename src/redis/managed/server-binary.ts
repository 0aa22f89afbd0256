/** Finds a Redis server program that is new enough to be run beside the gateway. */
import { execFile } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";

/** The managed Redis cannot run. The message states the problem and the remedy. */
export class ManagedServerError extends Error {
  override readonly name = "ManagedServerError";
}

/** A server program. */
export interface ServerBinary {
  readonly file: string;
  /** Version as the program reports it, such as `7.0.15`. */
  readonly version: string;
}

const PROGRAMS = ["redis-server", "valkey-server"];

/** Ranges with an exclusive end (`XRANGE key (id +`), which reading in pages needs, are there from 6.2 on. */
const LEAST = [6, 2] as const;

const run = promisify(execFile);

/**
 * Finds the first `redis-server` or `valkey-server` on the PATH that is new enough.
 *
 * @param env the environment, of which only `PATH` is read
 * @throws ManagedServerError where there is none, or only one that is too old
 */
export async function findServer(env: Readonly<Record<string, string | undefined>>): Promise<ServerBinary> {
  const unfit: string[] = [];
  for (const program of PROGRAMS) {
    const file = await onPath(program, env.PATH ?? "");
    if (file === undefined) continue;
    const version = await versionOf(file);
    if (version !== undefined && isEnough(version)) return { file, version };
    unfit.push(version === undefined ? `${file} does not tell its version` : `${file} is version ${version}`);
  }
  const problem =
    unfit.length > 0
      ? `${unfit.join(" and ")}, but a managed Redis has to be 6.2 or newer: install a newer one`
      : `neither ${PROGRAMS.join(" nor ")} is on the PATH: install one (Debian: apt-get install redis-server)`;
  throw new ManagedServerError(`${problem}, or name a running Redis with REDIS_URL`);
}

async function onPath(program: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    const file = resolve(join(folder, program));
    try {
      await access(file, constants.X_OK);
      if ((await stat(file)).isFile()) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

async function versionOf(file: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(file, ["--version"], { timeout: 10_000 });
    return /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

function isEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
}
