/** Runs Python programs with Debian's interpreter, which sees Debian's modules. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs a program to its end. @returns its output @throws Error with its traceback if it fails */
export async function python(code: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run("/usr/bin/python3", ["-c", code, ...args], { timeout: 60_000 });
  return stdout;
}
