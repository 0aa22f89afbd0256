/**
 * Output of a command. Entries are written to standard output, so that they can be piped. Progress, notices and errors are
 * written to standard error. On a terminal the progress line is rewritten in place; elsewhere a line is printed now and then.
 */

/** The members of a process's output streams that are used. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
  once(event: "drain" | "close" | "error", listener: () => void): unknown;
  removeListener(event: "drain" | "close" | "error", listener: () => void): unknown;
}

/** Output of a command. */
export interface Terminal {
  /** Writes a line of data. @returns a promise to await if the reader of the output is slower */
  print(line: string): Promise<void> | undefined;
  /** Writes a line to standard error. */
  note(line: string): void;
  /** Writes an error to standard error, also with `quiet`. */
  fail(line: string): void;
  /** Displays the progress repeatedly. @returns a function that stops it */
  showProgress(describe: () => string): () => void;
  /** Stops the progress and the notices. */
  quiet(): void;
  /** Stops writing to standard error. */
  mute(): void;
}

/** Interval of the progress line on a terminal, ms. */
const REWRITE_MS = 200;
/** Interval of the progress line elsewhere, ms. */
const LINE_MS = 5_000;
/** Carriage return, and erase to the end of the line (ECMA-48, EL). */
const ERASE = "\r\u001b[K";

/** Environment variables of a terminal. A `dumb` one cannot rewrite a line. */
export interface TerminalEnvironment {
  readonly TERM?: string | undefined;
}

/** Creates the output of a command from a process's two streams. */
export function createTerminal(stdout: Output, stderr: Output, env: TerminalEnvironment = {}): Terminal {
  const inPlace = stderr.isTTY === true && env.TERM !== "dumb";
  let shown = false;
  let muted = false;
  let isQuiet = false;

  const writeError = (text: string) => {
    if (!muted) stderr.write(text);
  };
  const erase = () => {
    if (shown) writeError(ERASE);
    shown = false;
  };
  return {
    print(line) {
      if (stdout.isTTY === true) erase();
      return stdout.write(`${line}\n`) ? undefined : drained(stdout);
    },
    note(line) {
      if (isQuiet) return;
      erase();
      writeError(`${line}\n`);
    },
    fail(line) {
      erase();
      writeError(`${line}\n`);
    },
    quiet() {
      isQuiet = true;
    },
    showProgress(describe) {
      if (isQuiet) return () => undefined;
      const show = () => {
        if (!inPlace) {
          writeError(`${describe()}\n`);
          return;
        }
        // The line is cut to the width of the terminal, because a wrapped line cannot be rewritten.
        writeError(`${ERASE}${describe().slice(0, (stderr.columns ?? 80) - 1)}`);
        shown = true;
      };
      const timer = setInterval(show, inPlace ? REWRITE_MS : LINE_MS);
      return () => {
        clearInterval(timer);
        erase();
      };
    },
    mute() {
      muted = true;
    },
  };
}

/** Resolves when the output accepts more data, or its reader exits. */
function drained(output: Output): Promise<void> {
  return new Promise((resolve) => {
    const events = ["drain", "close", "error"] as const;
    const done = () => {
      for (const event of events) output.removeListener(event, done);
      resolve();
    };
    for (const event of events) output.once(event, done);
  });
}
