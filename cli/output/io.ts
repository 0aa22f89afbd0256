/** Process resources that a command uses. */
import type { Terminal } from "./terminal.ts";

/** Output, signal and clock of a command. */
export interface Io {
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C, by SIGTERM, and when the reader of the output exits. */
  readonly signal: AbortSignal;
  /** Monotonic clock, ms. */
  now(): number;
}
