#!/usr/bin/env node
/** CLI entry point: runs one command until it ends or a signal stops it, and sets the exit code. */
import { CommanderError } from "commander";
import { StreamerError } from "../client/index.ts";
import { createTerminal } from "./output/terminal.ts";
import { createProgram } from "./program.ts";

/** Exit code of a usage error. All other errors exit with 1. */
const USAGE_EXIT_CODE = 2;
/** Exit code of an interrupted process by shell convention: 128 plus the signal number. */
const INTERRUPTED_EXIT_CODE = 130;
/** Signals of one Ctrl-C: the terminal's, and the one that npx forwards, which on a busy machine may be seconds later. */
const SIGNALS_AT_ONCE = process.env.npm_command === undefined ? 1 : 2;

const stop = new AbortController();
const terminal = createTerminal(process.stdout, process.stderr);

let signals = 0;
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => {
    signals++;
    stop.abort();
    // A second Ctrl-C exits immediately.
    if (signals > SIGNALS_AT_ONCE) process.exit(INTERRUPTED_EXIT_CODE);
  });
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of the pipe has exited, as `head` does. This is not an error.
  if (error.code === "EPIPE") terminal.mute();
  else terminal.note(`error: cannot write: ${error.message}`);
  stop.abort();
});
process.stderr.on("error", () => terminal.mute());

try {
  await createProgram({ terminal, signal: stop.signal, now: () => performance.now() }).parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Prints an error, unless commander has printed it. @returns the exit code */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
  terminal.note(`error: ${error instanceof Error ? error.message : String(error)}`);
  return error instanceof StreamerError && error.code === "BAD_URL" ? USAGE_EXIT_CODE : 1;
}
