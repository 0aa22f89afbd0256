/** Process resources that a command uses. */
import type { Readable } from "node:stream";
import type { Terminal } from "./terminal.ts";

/** Standard input. The members besides the stream exist on a terminal. */
export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
}

/** Input, output, signal and clock of a command. */
export interface Io {
  readonly terminal: Terminal;
  readonly input: Input;
  /** Aborted by Ctrl-C, by SIGTERM, and when the reader of the output exits. */
  readonly signal: AbortSignal;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Monotonic clock, ms. */
  now(): number;
}
