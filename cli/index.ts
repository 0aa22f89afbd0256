#!/usr/bin/env node
/** The executable: runs one command until it is done or told to stop, and says how it ended by its exit code. */
import { CommanderError } from "commander";
import { StreamerError } from "../client/index.ts";
import { createProgram } from "./program.ts";
import { createTerminal } from "./terminal.ts";

/** Wrong use of the command line; anything else that goes wrong is 1. */
const USAGE_EXIT_CODE = 2;
/** As shells have it: 128 and the signal's number. */
const INTERRUPTED_EXIT_CODE = 130;
const SAME_SIGNAL_MS = 1000;

const stop = new AbortController();
const terminal = createTerminal(process.stdout, process.stderr);

let stoppingSince: number | undefined;
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => {
    stoppingSince ??= performance.now();
    stop.abort();
    // A second Ctrl-C means now; but npx passes on the first one once more, right behind the terminal's own.
    if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(INTERRUPTED_EXIT_CODE);
  });
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has seen enough, as `head` has: no error, and nobody to tell.
  if (error.code === "EPIPE") terminal.mute();
  else terminal.note(`error: cannot write: ${error.message}`);
  stop.abort();
});
process.stderr.on("error", () => terminal.mute());

try {
  await createProgram({ terminal, signal: stop.signal, now: () => performance.now() }).parseAsync();
} catch (error) {
  process.exitCode = tell(error);
}

/** Says what went wrong, where that is not said yet. @returns the exit code */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
  terminal.note(`error: ${error instanceof Error ? error.message : String(error)}`);
  return error instanceof StreamerError && error.code === "BAD_URL" ? USAGE_EXIT_CODE : 1;
}
