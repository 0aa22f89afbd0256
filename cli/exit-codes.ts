/** Exit codes of the command line (docs/command-line.md). */

/** Exit codes by result. */
export const EXIT = {
  /** The command completed, or was stopped by Ctrl-C. */
  done: 0,
  failed: 1,
  /** A command, flag or argument is not valid. */
  usage: 2,
  /** `--timeout` passed without an entry. */
  timeout: 3,
  /** A second Ctrl-C ended the process at once: by shell convention 128 plus the number of the signal. */
  interrupted: 130,
} as const;

/** An error with its own exit code. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Error for a flag or argument that is not valid. */
export const usageError = (message: string): CommandError => new CommandError(message, EXIT.usage);
