/** Runs one command of this process. */
import { CommanderError } from "commander";
import { StreamerError } from "../client/index.ts";
import { CommandError, EXIT } from "./exit-codes.ts";
import { errorText } from "./output/error-text.ts";
import { createTerminal, type Terminal } from "./output/terminal.ts";
import { createProgram } from "./program.ts";

/** Signals of one Ctrl-C: the terminal's, and the one that npx forwards, which on a busy machine may be seconds later. */
const SIGNALS_AT_ONCE = process.env.npm_command === undefined ? 1 : 2;

/** Codes of errors that the flags and arguments cause. */
const USAGE_CODES: ReadonlySet<string> = new Set(["BAD_URL", "BAD_PARAMETER"]);

/** Runs the command that the arguments name, until it ends or a signal stops it. @returns the exit code */
export async function runCommand(): Promise<number> {
  const terminal = createTerminal(process.stdout, process.stderr, process.env);
  const signal = stopSignal(terminal);
  const io = { terminal, input: process.stdin, signal, env: process.env, now: () => performance.now() };
  try {
    await createProgram(io).parseAsync();
  } catch (error) {
    // After Ctrl-C, errors of interrupted operations are ignored. A CommandError means that the command failed to finish.
    if (!signal.aborted || error instanceof CommandError) return report(error, terminal);
  }
  return signal.reason instanceof CommandError ? report(signal.reason, terminal) : EXIT.done;
}

/** Returns a signal that Ctrl-C and SIGTERM abort, and the end of the reader of the output. */
function stopSignal(terminal: Terminal): AbortSignal {
  const stop = new AbortController();
  let signals = 0;
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => {
      signals++;
      stop.abort();
      // A second Ctrl-C exits immediately.
      if (signals > SIGNALS_AT_ONCE) process.exit(EXIT.interrupted);
    });
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of the pipe has exited, as `head` does. This is not an error.
    if (error.code === "EPIPE") {
      terminal.mute();
      stop.abort();
    } else stop.abort(new CommandError(`cannot write: ${error.message}`));
  });
  process.stderr.on("error", () => terminal.mute());
  return stop.signal;
}

/** Prints an error, unless commander has printed it. @returns the exit code */
function report(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  terminal.fail(`error: ${errorText(error)}`);
  if (error instanceof CommandError) return error.exitCode;
  return error instanceof StreamerError && USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
}
