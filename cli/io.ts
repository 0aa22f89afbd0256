/** What a command is handed of the process that it runs in. */
import type { Terminal } from "./terminal.ts";

/** The world of a command. */
export interface Io {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C, by SIGTERM, and where nobody reads the output any more. */
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}
