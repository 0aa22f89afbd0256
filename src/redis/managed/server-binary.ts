/** Finds the server program of the managed Redis on the `PATH`, and checks its version. */
import { execFile } from "node:child_process";
import { access, constants, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";

/** The managed Redis cannot run. The message states the problem and the remedy. */
export class ManagedServerError extends Error {
  override readonly name = "ManagedServerError";
}

/** Server program that was found, with its version. */
export interface ServerBinary {
  readonly file: string;
  /** Version as the program reports it, such as `7.0.15`. */
  readonly version: string;
}

const PROGRAMS = ["redis-server", "valkey-server"];

/** Minimum version: since 6.2, ranges can be exclusive (`XRANGE key (id +`), which reading in pages needs. */
const MINIMUM = [6, 2] as const;

const run = promisify(execFile);

/**
 * Finds the first `redis-server` or `valkey-server` on the PATH that is new enough.
 *
 * @param env the environment, of which only `PATH` is read
 * @throws ManagedServerError if none is installed, or all are too old
 */
export async function findServer(env: Readonly<Record<string, string | undefined>>): Promise<ServerBinary> {
  const unfit: string[] = [];
  for (const program of PROGRAMS) {
    const file = await onPath(program, env.PATH ?? "");
    if (file === undefined) continue;
    const version = await versionOf(file);
    if (version !== undefined && isEnough(version)) return { file, version };
    unfit.push(
      version === undefined ? `${file} does not report its version` : `${file} is version ${version}`,
    );
  }
  const problem =
    unfit.length > 0
      ? `${unfit.join(" and ")}, but the managed Redis must be 6.2 or newer: install a newer version`
      : `neither ${PROGRAMS.join(" nor ")} is on the PATH: install one (Debian: apt-get install redis-server)`;
  throw new ManagedServerError(`${problem}, or set REDIS_URL to a running Redis`);
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
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}
